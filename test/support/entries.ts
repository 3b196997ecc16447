/** Verdict and close entries as the straight line makes them, for the tests of what records and counts them. */
import type { Authority } from '../../src/model/authority.ts';
import type { Client } from '../../src/model/client.ts';
import { Der } from '../../src/model/der.ts';
import type { Evidence } from '../../src/model/evidence.ts';
import { finding } from '../../src/model/finding.ts';
import { CHECKS, type Outcome, type Outcomes } from '../../src/model/outcome.ts';
import type { CloseEntry, VerdictEntry } from '../../src/observe/recorder.ts';
import { loadConfig, loadPolicy } from '../../src/policy/load.ts';
import type { Policy, Rule } from '../../src/policy/policy.ts';
import type { Report } from '../../src/verify/report.ts';

export const AT_MS = Date.parse('2026-03-01T00:00:00Z');

export const CLIENT: Client = Object.freeze({ address: '10.4.0.9', port: 51234, user: null, groups: [] });
export const AUTHORITY: Authority = Object.freeze({ host: 'api.bank.example', kind: 'name', port: 443 });

const KEY = `sha256/${Buffer.alloc(32, 1).toString('base64')}`;
const BACKUP = `sha256/${Buffer.alloc(32, 2).toString('base64')}`;

/** A policy of rules given as YAML (or JSON) lines under `rules:`. */
export function policyOf(rules: readonly Readonly<Record<string, unknown>>[], more: object = {}): Policy {
  const config = loadConfig('version: 1\npolicies: []\n', '/test/pinwarden.yaml');
  if (!config.ok) throw new Error(config.mistakes[0]?.message);
  const text = JSON.stringify({ version: 1, ...more, rules });
  const source = { path: '/test/p.yaml', owner: null, mayMatch: null, mayNot: [], file: '/test/p.yaml', text };
  const policy = loadPolicy(rules.length === 0 ? [] : [source], config.value);
  if (!policy.ok) throw new Error(policy.mistakes.map(({ message }) => message).join('; '));
  return policy.value;
}

export function ruleOf(fields: Readonly<Record<string, unknown>> = {}): Rule {
  const pins = { anyOf: [{ ca: KEY }, { ca: BACKUP, backup: true }] };
  const rule = policyOf([{ name: 'bank', match: ['api.bank.example'], onFailure: 'block', pins, ...fields }]).rules[0];
  if (rule === undefined) throw new Error('no rule');
  return rule;
}

export function evidenceOf(fields: Partial<Evidence> = {}): Evidence {
  return Object.freeze({
    authority: AUTHORITY,
    assurance: 'connection',
    address: '192.0.2.7',
    serverName: AUTHORITY.host,
    alpnOffered: ['h2', 'http/1.1'],
    alpn: 'h2',
    tlsVersion: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    group: 'X25519',
    chain: [Der.of(Buffer.from('leaf'))],
    completing: [],
    staple: null,
    openssl: 'accepted',
    resumed: false,
    seenAtMs: AT_MS,
    handshakeMs: 12,
    ...fields,
  });
}

export function reportOf(fields: Partial<Report> = {}): Report {
  const pass: Outcome = { is: 'pass' };
  const outcomes = Object.fromEntries(CHECKS.map((check) => [check, pass])) as unknown as Outcomes;
  const pinHit = { pin: 'primary', name: null, spkiSha256: KEY.slice('sha256/'.length) } as const;
  return {
    judgedAtMs: AT_MS,
    outcomes,
    findings: [],
    headline: null,
    leaf: (fields.path ?? fields.explanatoryPath)?.[0] ?? null,
    path: null,
    explanatoryPath: null,
    pinHit,
    ...fields,
  };
}

/** A report of a connection whose pins do not match. */
export function mismatchReport(): Report {
  return reportOf({ findings: [finding('pin.mismatch')], headline: 'pin.mismatch', pinHit: null });
}

export function verdictEntry(fields: Partial<VerdictEntry> = {}): VerdictEntry {
  return {
    eventId: 'e-1',
    atMs: AT_MS,
    client: CLIENT,
    authority: AUTHORITY,
    traceId: null,
    rule: ruleOf(),
    evidence: evidenceOf(),
    report: reportOf(),
    verdict: 'allow',
    code: null,
    facts: {},
    generation: 7,
    mode: 'terminate',
    ...fields,
  };
}

export function closeEntry(fields: Partial<CloseEntry> = {}): CloseEntry {
  return {
    eventId: 'e-1',
    atMs: AT_MS + 2500,
    client: CLIENT,
    authority: AUTHORITY,
    traceId: null,
    rule: ruleOf(),
    mode: 'terminate',
    bytesUp: 100,
    bytesDown: 2000,
    durationMs: 2500,
    reason: 'client',
    code: null,
    ...fields,
  };
}
