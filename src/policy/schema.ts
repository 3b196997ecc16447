/**
 * The shape of policy files, and with config-schema.ts the only door to `zod`. From it come the checks, the JSON Schemas
 * for editors and the reference tables in config/README.md (reference.ts).
 *
 * Does: keys, types and words. Unknown keys are refused; what is not built yet is unknown.
 * Does not: hosts, pins, dates, ranges and everything that needs two fields (compiled, with their places, elsewhere).
 * Rule fields carry their default as `default` in the metadata only: compile.ts must know whether a field was written.
 */
import { z } from 'zod';
import type { Issue } from './issues.ts';

const NAME = /^[a-z0-9-]{1,64}$/;

interface Checked {
  readonly value: unknown;
}

/**
 * The package asks whatever has a `length` for it, a map with such a key too, and may throw over what it finds. Its types
 * hide `when`; `abort` says the default, so that they take it.
 */
export const ofText = { abort: false, when: ({ value }: Checked): boolean => typeof value === 'string' };
export const ofList = { abort: false, when: ({ value }: Checked): boolean => Array.isArray(value) };

export function text(description: string, extra: Record<string, unknown> = {}) {
  return z
    .string()
    .max(4096, ofText)
    .meta({ description, ...extra });
}

export function name(description: string) {
  return z.string().regex(NAME, { error: 'a name is 1 to 64 of a-z, 0-9 and -' }).meta({ description });
}

export function number(min: number, max: number, fallback: number, description: string) {
  return z.int().min(min).max(max).default(fallback).meta({ description });
}

export const reason = text('Why, for the people who read this next year.').min(1, ofText);
const until = text('Ends at 00:00 UTC of this date (`2027-06-01`), or at a time (`2027-06-01T12:00:00Z`).');
export const version = z.literal(1).meta({ description: 'Version of the format.' });
export const hosts = (description: string) => z.array(text('Host pattern.')).max(10_000, ofList).meta({ description });

const requirement = (fallback: string, description: string) =>
  z.enum(['require', 'if-present', 'off']).optional().meta({ description, default: fallback });

export const checks = z
  .strictObject({
    publicRoot: requirement('off', 'The path ends in the public (Mozilla) set, whatever `anchors` says.'),
    ct: requirement(
      'if-present',
      'Certificate Transparency: enough valid timestamps from known logs (`ct.logList`). Skipped below a root outside the public set, under `require` too.',
    ),
    staple: requirement('if-present', 'The stapled OCSP response is fresh, signed and says good.'),
    crl: requirement('if-present', 'No certificate of the path is on a CRL (`crl.files`).'),
    lifetime: requirement(
      'off',
      'The leaf is valid for no longer than public CAs may issue. Skipped below a root outside the public set, under `require` too.',
    ),
    continuity: z
      .enum(['off'])
      .optional()
      .meta({ description: 'The host shows a key that was seen before. Not built yet.', default: 'off' }),
  })
  .meta({
    description:
      '`require`: failure and absence both fail. `if-present`: failure fails, absence passes. `off`: not judged. ' +
      'Chain, identity and TLS are no checks but the floor.',
  });

export const anchors = z
  .union([z.enum(['public', 'system']), z.array(text('PEM file.')).min(1, ofList).max(100, ofList)], {
    error: 'expected `public`, `system` or a list of PEM files',
  })
  .meta({
    description:
      'What a path must end in: `public` (Mozilla), `system`, or a list of PEM files. A rule that names none has those of pinwarden.yaml.',
    default: 'public',
  });

const pinText = { pattern: '^(sha256/[A-Za-z0-9+/]{43}=|@?[a-z0-9-]{1,64})$' };
const pinReference = z
  .strictObject({
    leaf: text('A key of the end-entity certificate.', pinText).optional(),
    ca: text('A key of any issuer in the verified path, the anchor included.', pinText).optional(),
    any: text('A key anywhere in the verified path.', pinText).optional(),
    name: text('What the key is called in reports; not for groups.').optional(),
    backup: z
      .boolean()
      .optional()
      .meta({ description: 'A key that is not in use yet; not for groups.', default: false }),
  })
  .meta({
    description:
      'Exactly one of `leaf`, `ca` and `any`: a pin `sha256/…=`, a group of this file, or a shipped `@group`.',
  });

const pins = z
  .strictObject({
    anyOf: z
      .array(pinReference)
      .max(1000, ofList)
      .optional()
      .meta({ description: 'Satisfied by any one.', default: [] }),
    noneOf: z.array(pinReference).max(1000, ofList).optional().meta({
      description: 'Keys that no accepted path may use; always blocks.',
      default: [],
    }),
  })
  .meta({ description: 'Keys that the verified path must or must not hold.' });

export const mode = z.enum(['terminate', 'bypass']).optional().meta({
  description:
    '`terminate`: the verdict binds to the connection that carries the bytes. `bypass`: not judged; needs `reason`.',
  default: 'terminate',
});
export const onFailure = z.enum(['block', 'alert']).optional().meta({
  description:
    'What a failed check does. The floor (chain, name, TLS version, revocation, denied keys) blocks either way.',
  default: 'block',
});
export const plaintext = z.enum(['block', 'allow']).optional().meta({
  description: '`http://` to the host. Default: `block` with pins, else `allow`.',
});
export const answer = z.enum(['before-hello', 'after-hello']).optional().meta({
  description:
    '`before-hello`: verdict first, then 200. `after-hello`: 200 first, so that the hello is seen before the dial.',
  default: 'before-hello',
});
export const tls = z
  .strictObject({
    minVersion: z.enum(['1.2', '1.3']).optional().meta({
      description: 'Lowest TLS version, in quotes. What lies below is for `unsafeTls`.',
      default: '1.2',
    }),
  })
  .meta({ description: 'What the upstream must speak: a TLS version, and with TLS 1.2 ECDHE and AEAD.' });
const clients = z.array(text('Name of a client group.')).max(100, ofList).optional().meta({
  description:
    'Client groups of pinwarden.yaml that the rule is for; empty: all. Outranks a rule for all on the same host.',
  default: [],
});
const metricsGroup = name(
  'The `policy` label of metrics; at most 200 in all, the rest is `_other`. Default: the name.',
);

/** Fields that a rule and `defaults` share. */
const shared = {
  clients,
  mode,
  onFailure,
  checks: checks.optional(),
  anchors: anchors.optional(),
  tls: tls.optional(),
  plaintext,
  answer,
  metricsGroup: metricsGroup.optional(),
};

const unsafeFloor = z
  .strictObject({ action: z.literal('alert').meta({ description: 'The only action there is.' }), reason, until })
  .meta({
    description:
      'Lowers the floor for this rule: an invalid upstream is alerted, not blocked. Metered, and printed at start.',
  });

const unsafeTls = z
  .strictObject({
    minVersion: z.enum(['1.0', '1.1', '1.2']).optional().meta({
      description: 'Lowest TLS version, in quotes. Versions below 1.2 ask for `ciphers: legacy`.',
      default: '1.2',
    }),
    ciphers: z.enum(['legacy', 'default']).optional().meta({
      description:
        '`legacy`: CBC and RSA key exchange with AES as well; never NULL, anonymous, EXPORT, RC4, DES, 3DES or MD5.',
      default: 'legacy',
    }),
    reason,
    until,
  })
  .meta({
    description:
      'Lets this rule speak to an old appliance. Chain, names, pins and checks stay as they are. Metered, and printed at start.',
  });

const ruleFields = {
  except: hosts('Patterns that the rule leaves to others.').optional(),
  ...shared,
  reason: text('Why; asked for by `mode: bypass`.').min(1, ofText).optional(),
  pins: pins.optional(),
  certificatePolicies: z
    .array(text('OID in dotted decimal, such as `2.23.140.1.2.2`.', { pattern: '^[012](\\.(0|[1-9][0-9]*))+$' }))
    .min(1, ofList)
    .max(64, ofList)
    .optional()
    .meta({
      description:
        'One of these certificate policies must hold for the path (RFC 5280 §6.1, mappings included). Default: none.',
    }),
  allowPrivate: z.array(text('CIDR.')).max(1000, ofList).optional().meta({
    description: 'Ranges that the rule may dial although they are private.',
    default: [],
  }),
  unsafeFloor: unsafeFloor.optional(),
  unsafeTls: unsafeTls.optional(),
};
const match = hosts(
  '`api.x` exact · `*.x` exactly one label · `**.x` one or more labels · `:port` at the end; no port means every egress port.',
);

export const ruleSchema = z
  .strictObject({ name: name('Unique over all files.'), match: match.min(1, ofList), ...ruleFields })
  .meta({ id: 'rule', description: 'What is demanded of some hosts.' });

/** `verify --rule` and `verify --batch`: a rule on its own. */
export const plainRuleSchema = z.strictObject({
  name: name('Name in the report.').optional(),
  match: match.optional(),
  ...ruleFields,
});

const pin = z.strictObject({
  key: text('SHA-256 of the SubjectPublicKeyInfo: `sha256/` and 44 characters of base64.', {
    pattern: '^sha256/[A-Za-z0-9+/]{43}=$',
  }),
  name: text('What the key is called in reports.').optional(),
  backup: z.boolean().optional().meta({ description: 'A key that is not in use yet.', default: false }),
});
const pinGroup = z
  .strictObject({
    pins: z.array(pin).min(1, ofList).max(1000, ofList).meta({ description: 'The keys.' }),
    expires: text('From 00:00 UTC of this date the group is overdue (`2027-06-01`). Default: never.').optional(),
    onExpiry: z.enum(['alert', 'block']).optional().meta({
      description: '`alert`: from then on mismatches only alert. `block`: nothing changes but the warning.',
      default: 'block',
    }),
  })
  .meta({ id: 'pinGroup', description: 'Keys under one name.' });
const pinGroups = z
  .record(name('Name of the group.'), pinGroup)
  .meta({ description: 'Named sets of keys, for this file.' });

const weakens = z
  .strictObject({ rule: name('The rule, or `unmatched`.'), reason, until })
  .meta({ id: 'weakens', description: 'Lets a reload lower this rule once, until then.' });

export const policySchema = z
  .strictObject({
    version,
    pinGroups: pinGroups.optional(),
    defaults: z
      .strictObject(shared)
      .meta({ description: 'For every rule of this file that does not say otherwise.' })
      .optional(),
    weakens: z
      .array(weakens)
      .max(1000, ofList)
      .optional()
      .meta({ description: 'Weakenings that a reload may bring.', default: [] }),
    rules: z.array(ruleSchema).min(1, ofList).meta({ description: 'The rules; their order does not matter.' }),
  })
  .meta({ title: 'Pinwarden policy file' });

/** Everything but the rules, which are looked at one by one so that a mistake in one does not hide those in others. */
export const policyHeadSchema = policySchema.extend({ rules: z.array(z.unknown()).min(1, ofList) });

/** The head of a file whose rules are missing or wrong as a whole. */
export const headWithoutRulesSchema = policySchema.extend({ rules: z.array(z.unknown()).optional() });

/** A file of config/groups. */
export const groupsSchema = z.strictObject({ version, pinGroups });

export type PolicyShape = z.output<typeof policySchema>;
export type PolicyHeadShape = z.output<typeof policyHeadSchema>;
export type PlainRuleShape = z.output<typeof plainRuleSchema>;
export type PinReferenceShape = z.output<typeof pinReference>;
export type PinGroupShape = z.output<typeof pinGroup>;

/** A value in its shape, or every issue at once. */
export type Shape<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Never throws. */
export function checkShape<S extends z.ZodType>(schema: S, value: unknown): Shape<z.output<S>> {
  const result = schema.safeParse(value);
  return result.success
    ? { ok: true, value: result.data }
    : { ok: false, issues: result.error.issues as unknown as readonly Issue[] };
}

/** JSON Schema draft-07 of what people write. */
export function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, { target: 'draft-07', io: 'input' }) as Record<string, unknown>;
}
