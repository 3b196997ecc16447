/**
 * The 197 cases of BoringSSL's verify_certificate_chain: each chain goes through search and validation.
 *
 * BoringSSL distinguishes what an anchor is worth and what the certificate is for; we have one rule for anchors and one
 * purpose. A case of another purpose is decided as a server's and held only against "never throws"; the others must
 * agree, except for the deviations listed here, all of which refuse what BoringSSL accepts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { parsePemBlocks } from '../../../src/pki/x509/pem.ts';
import { corpora } from '../../support/corpora.ts';
import { codesOf, search } from './path-cases.ts';

/** Refused by us, accepted there. Reason → cases. */
const STRICTER: Readonly<Record<string, readonly string[]>> = {
  'the dates of an anchor bind us': [
    'expired-root/not-after-ta-with-constraints',
    'expired-root/not-after',
    'expired-root/not-before',
  ],
  'the constraints and policies of an anchor bind us': [
    'policies-inhibit-anypolicy-by-root-fail/main',
    'policies-inhibit-mapping-by-root-fail/main',
    'policies-on-root-wrong/main',
    'policies-required-by-root-fail/main',
    'policy-mappings-on-root-fail/main',
    'root-basic-constraints-ca-false/main',
    'root-eku-clientauth/serverauth-strict',
    'root-eku-clientauth/serverauth-ta-with-expiration',
    'root-eku-clientauth/serverauth',
    'root-lacks-basic-constraints/main',
    'root-lacks-basic-constraints/ta-with-constraints',
    'root-lacks-basic-constraints/ta-with-require-basic-constraints',
    'root-lacks-keycertsign-key-usage/main',
    'violates-pathlen-1-from-root/main',
  ],
  'an anchor may be a leaf only when it is self-signed': [
    'target-has-ca-basic-constraints/target_only-trusted_leaf',
    'target-has-ca-basic-constraints/target_only-trusted_leaf-strict',
    'target-only/trusted_leaf',
    'target-only/trusted_leaf-and-trust_anchor',
    'target-selfissued/trusted_leaf',
    'target-selfissued/trusted_leaf-and-trust_anchor',
  ],
  'SHA-1 and RSA below 2048 bits are weak, also in 2013': [
    'issuer-and-subject-not-byte-for-byte-equal/anchor',
    'issuer-and-subject-not-byte-for-byte-equal/target',
  ],
  'a leaf is no CA': [
    'target-has-ca-basic-constraints/main',
    'target-has-keycertsign-but-not-ca/main',
    'target-not-end-entity/main',
  ],
  'key usage must allow TLS, as OpenSSL asks': [
    'target-serverauth-various-keyusages/ec-decipherOnly',
    'target-serverauth-various-keyusages/rsa-decipherOnly',
  ],
  'a leaf with purposes names serverAuth, as OpenSSL asks': ['target-eku-any/serverauth'],
  'below a public anchor issuers have serverAuth, or anyExtendedKeyUsage alone; BoringSSL has a purpose between': [
    'intermediate-eku-any-and-clientauth/serverauth-strict-leaf',
  ],
  'more than 250,000 comparisons of names with name constraints': ['many-names/ok-all-types'],
  'the critical application policies of Microsoft are not processed': ['target-msapplicationpolicies-and-eku/main'],
};

interface Case {
  readonly name: string;
  readonly trust: string;
  readonly purpose: string;
  readonly atMs: number;
  readonly accepted: boolean;
  readonly chain: readonly Buffer[];
}

const folder = corpora('boringssl-pki');
const base = join(folder ?? '', 'pki/testdata/verify_certificate_chain_unittest');

describe.skipIf(folder === null)('BoringSSL verify_certificate_chain (corpus boringssl-pki)', () => {
  const cases = folder === null ? [] : readCases();
  const server = cases.filter((one) => one.purpose.startsWith('SERVER_AUTH'));
  const expected = (table: Readonly<Record<string, readonly string[]>>): readonly string[] =>
    Object.values(table).flat().sort();

  it('has all its cases', () => {
    expect(cases).toHaveLength(197);
    expect(server.length).toBeGreaterThan(100);
  });

  it('accepts nothing that is refused there', () => {
    const falseAccepts = server.filter((one) => !one.accepted && decide(one).length === 0);
    expect(falseAccepts.map((one) => one.name)).toEqual([]);
  });

  it('refuses nothing that is accepted there, but for what is listed', () => {
    const falseRefusals = server.filter((one) => one.accepted && decide(one).length > 0);
    expect(falseRefusals.map((one) => one.name).sort()).toEqual(expected(STRICTER));
  });

  it('decides the cases of other purposes too', () => {
    for (const one of cases) expect(decide(one)).toBeInstanceOf(Array);
  });

  it('names the reason', () => {
    const named = new Map(cases.map((one) => [one.name, one]));
    const reason = (name: string): readonly string[] => decide(named.get(name)!);
    expect(reason('expired-target/not-after')).toEqual(['chain.expired']);
    expect(reason('expired-intermediate/not-before')).toEqual(['chain.not-yet-valid']);
    expect(reason('intermediate-lacks-signing-key-usage/main')).toEqual(['chain.key-usage']);
    expect(reason('intermediate-unknown-critical-extension/main')).toEqual(['chain.critical-extension']);
    expect(reason('target-eku-clientauth/serverauth')).toEqual(['chain.extended-key-usage']);
    expect(reason('violates-basic-constraints-pathlen-0/main')).toEqual(['chain.path-length']);
    expect(reason('target-wrong-signature/main')).toEqual(['chain.signature']);
    expect(reason('target-signed-with-sha1/main')).toEqual(['chain.weak-signature']);
    expect(reason('unknown-critical-policy-qualifier/main')).toEqual(['chain.critical-extension']);
    expect(reason('policies-required-by-root-fail/ta-with-constraints')).toEqual(['chain.policy']);
  });
});

function readCases(): Case[] {
  const files = readdirSync(base, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test'));
  return files.sort().map((file) => {
    const text = readFileSync(join(base, file), 'utf8');
    const field = (key: string): string => new RegExp(`^${key}: *(.*)$`, 'm').exec(text)![1]!.trim();
    const pem = parsePemBlocks(readFileSync(join(base, dirname(file), field('chain')), 'utf8'));
    if (!pem.ok) throw new Error(`${file}: ${pem.why}`);
    return {
      name: file.replace(/\.test$/, ''),
      trust: field('last_cert_trust'),
      purpose: field('key_purpose'),
      atMs: momentOf(field('utc_time')),
      accepted: !text.slice(text.indexOf('expected_errors:')).includes('ERROR:'),
      chain: pem.value.filter((block) => block.label === 'CERTIFICATE').map((block) => block.bytes),
    };
  });
}

/** `YYMMDDhhmmssZ`, or BoringSSL's default moment, at which most of the chains are valid. */
function momentOf(text: string): number {
  if (text === 'DEFAULT') return Date.UTC(2021, 9, 5, 12);
  const [year, month, day, hour, minute, second] = text.match(/\d\d/g)!.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(2000 + year, month - 1, day, hour, minute, second);
}

/** What is wrong; empty: accepted. */
function decide(one: Case): readonly string[] {
  const certificates = one.chain.map((der) => parseCertificate(der));
  const parsed = certificates.flatMap((answer) => (answer.ok ? [answer.value] : []));
  if (parsed.length < certificates.length) return ['malformed'];
  const anchors = isAnchor(one) ? parsed.slice(-1) : [];
  const result = search({
    leaf: parsed[0]!,
    candidates: parsed.slice(1),
    anchors,
    atMs: one.atMs,
    profile: one.purpose.includes('STRICT') ? 'public' : 'private',
    brokenLinks: 'follow',
  });
  if (result.accepted !== null) return [];
  return result.nearest === null ? ['no path'] : codesOf(result.nearest.findings);
}

function isAnchor(one: Case): boolean {
  if (one.trust.startsWith('TRUSTED_LEAF')) return one.chain.length === 1;
  return one.trust.startsWith('TRUSTED_ANCHOR');
}
