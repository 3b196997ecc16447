/**
 * Chromium's list of static pins as a policy: the same hosts are pinned, the same keys satisfy them, the same keys are
 * denied. What Chromium does with a host is written down here once more, in its own terms.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Path } from '../../src/pki/path/builder.ts';
import { parsePem, parsePemBlocks } from '../../src/pki/x509/pem.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { lookup } from '../../src/policy/lookup.ts';
import type { Policy, Rule } from '../../src/policy/policy.ts';
import { checkPins } from '../../src/verify/checks/pins.ts';
import { corpora } from '../support/corpora.ts';
import { at, configOf, PIN_A, source, unwrap } from '../support/policies.ts';
import { authority } from '../support/test-ca.ts';
import { certificateOf } from '../verify/verify-cases.ts';

interface PinSet {
  readonly name: string;
  readonly static_spki_hashes?: readonly string[];
  readonly bad_static_spki_hashes?: readonly string[];
}

interface Entry {
  readonly name: string;
  readonly include_subdomains?: boolean;
  readonly pins: string;
}

interface List {
  readonly pinsets: readonly PinSet[];
  readonly entries: readonly Entry[];
}

const folder = corpora('chromium-pins');

describe.skipIf(folder === null)('Chromium static pins (corpus chromium-pins)', () => {
  const list = folder === null ? { pinsets: [], entries: [] } : readList(folder);
  const keys = folder === null ? new Map<string, string>() : readKeys(folder, list);
  const policy = folder === null ? null : policyOf(list, keys);

  it('has all its hosts', () => {
    expect(list.entries).toHaveLength(372);
    expect(keys.size).toBeGreaterThan(70);
  });

  it('pins the same hosts, with and without their subdomains', () => {
    const around = (host: string): readonly string[] => [
      host,
      `a.${host}`,
      `a.b.${host}`,
      `x${host}`,
      host.slice(host.indexOf('.') + 1),
    ];
    const hosts = [...new Set(list.entries.flatMap(({ name }) => around(name)))];
    expect(hosts.length).toBeGreaterThan(1_500);
    const wrong = hosts.filter((host) => chosen(policy!, host) !== entryOf(list, host)?.name);
    expect(wrong).toEqual([]);
  });

  it('accepts and denies the same keys', () => {
    for (const { name, static_spki_hashes: good = [], bad_static_spki_hashes: bad = [] } of list.pinsets) {
      const rule = ruleFor(policy!, list, name);
      for (const key of good) expect(judged(rule, [keys.get(key)!]), `${name}: ${key}`).toBe('pass');
      for (const key of bad) {
        expect(judged(rule, [keys.get(key)!]), `${name}: ${key}`).toBe('pin.denied');
        // One good key does not make up for it.
        expect(judged(rule, [keys.get(good[0]!)!, keys.get(key)!])).toBe('pin.denied');
      }
      expect(judged(rule, [])).toBe('pin.mismatch');
    }
    expect(list.pinsets.some((set) => (set.bad_static_spki_hashes ?? []).length > 0)).toBe(true);
  });
});

/** The host itself, else the nearest parent that includes its subdomains. */
function entryOf({ entries }: List, host: string): Entry | undefined {
  const labels = host.split('.');
  for (let from = 0; from < labels.length; from += 1) {
    const entry = entries.find(({ name }) => name === labels.slice(from).join('.'));
    if (entry !== undefined && (from === 0 || entry.include_subdomains === true)) return entry;
  }
  return undefined;
}

/** The entry whose rule decides; undefined: none does. */
function chosen(policy: Policy, host: string): string | undefined {
  const decision = lookup(policy, at(host), []);
  return decision.kind === 'rule' ? decision.rule.match[0]?.host : undefined;
}

function ruleFor(policy: Policy, { entries }: List, pinset: string): Rule {
  const index = entries.findIndex((entry) => entry.pins === pinset);
  return policy.byName.get(`host-${index}`)!;
}

const { leaf, ca } = (() => {
  const root = authority({ cn: 'Root' });
  return { leaf: certificateOf(root.issueLeaf({ dns: ['a.test'] })), ca: certificateOf(root) };
})();

/** A path with these keys above the leaf. */
function judged(rule: Rule, keys: readonly string[]): string {
  const path: Path = [leaf, ...keys.map((spkiSha256) => ({ ...ca, spkiSha256 })), ca];
  const outcome = checkPins({ rule, nowMs: 0, found: { path } });
  return outcome.is === 'fail' ? outcome.findings[0].code : outcome.is;
}

function policyOf({ entries, pinsets }: List, keys: ReadonlyMap<string, string>): Policy {
  const pin = (name: string) => ({ any: `sha256/${keys.get(name)}` });
  const rules = entries.map(({ name, include_subdomains, pins }, index) => {
    const set = pinsets.find((one) => one.name === pins)!;
    return {
      name: `host-${index}`,
      match: include_subdomains === true ? [name, `**.${name}`] : [name],
      pins: {
        // An enforcing rule must have a spare key.
        anyOf: [...(set.static_spki_hashes ?? []).map(pin), { any: PIN_A, backup: true }],
        noneOf: (set.bad_static_spki_hashes ?? []).map(pin),
      },
    };
  });
  const text = JSON.stringify({ version: 1, rules });
  return unwrap(loadPolicy([source(text)], configOf('unmatched: { action: deny }')));
}

/** JSON with comments on lines of their own. */
function readList(from: string): List {
  const text = readFileSync(join(from, 'transport_security_state_static_pins.json'), 'utf8');
  return JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, '')) as List;
}

/** Name → base64 of the SHA-256 of the SPKI. A name is followed by a hash, a certificate or a public key. */
function readKeys(from: string, { pinsets }: List): ReadonlyMap<string, string> {
  const text = readFileSync(join(from, 'transport_security_state_static.pins'), 'utf8');
  const found = text.matchAll(/^(\w+)\n(?:sha256\/(\S+)|(-----BEGIN [\s\S]*?-----END [^\n]*-----))$/gm);
  const keys = new Map([...found].map(([, name = '', hash, pem]) => [name, hash ?? hashOf(pem ?? '')]));
  // The list names some keys that its own file lacks; for matching any hash will do.
  for (const { static_spki_hashes: good = [], bad_static_spki_hashes: bad = [] } of pinsets) {
    for (const name of [...good, ...bad]) {
      if (!keys.has(name)) keys.set(name, createHash('sha256').update(name).digest('base64'));
    }
  }
  return keys;
}

function hashOf(pem: string): string {
  if (pem.includes('PUBLIC KEY')) {
    const blocks = parsePemBlocks(pem);
    if (!blocks.ok) throw new Error(blocks.why);
    return createHash('sha256').update(blocks.value[0]!.bytes).digest('base64');
  }
  const parsed = parsePem(pem);
  if (!parsed.ok) throw new Error(`${parsed.why}: ${pem.slice(0, 80)}`);
  return parsed.value[0]!.spkiSha256;
}
