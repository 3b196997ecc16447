import { describe, expect, it } from 'vitest';
import { checkTls, tlsFacts } from '../../../src/verify/checks/tls.ts';
import { authority } from '../../support/test-ca.ts';
import { AT, AT_MS, evidenceOf, ruleOf, say, trustOf, verify } from '../verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const leaf = root.issueLeaf({ dns: ['good.test'] });
const trust = trustOf({ anchors: [root] });
const GCM = 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256';
const CBC = 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA';
const spoken = (tlsVersion: string | null, cipher: string | null) => evidenceOf([leaf], { tlsVersion, cipher });
const unsafe = (untilMs: number) =>
  ruleOf({ unsafeTls: { minVersion: '1.0', ciphers: 'legacy', reason: 'old box', untilMs } });

describe('the TLS floor over evidence', () => {
  it('refuses what the rule does not allow, as its own finding', () => {
    expect(say(verify(spoken('TLSv1.1', CBC), trust))).toBe('block tls.version');
    expect(say(verify(spoken('TLSv1.2', CBC), trust))).toBe('block tls.version');
    expect(say(verify(spoken('TLSv1.2', GCM), trust, ruleOf({ tls: { minVersion: '1.3' } })))).toBe(
      'block tls.version',
    );
    expect(say(verify(spoken('TLSv1.2', GCM), trust))).toBe('allow');
    expect(verify(spoken('TLSv1.2', CBC), trust).report.findings).toEqual([
      {
        code: 'tls.version',
        facts: { allowed: 'TLS 1.2 and later, ECDHE with AEAD', spoken: `TLS 1.2 ${CBC}` },
      },
    ]);
  });

  it('is softened neither by alert nor by a lowered floor of the chain', () => {
    const unsafeFloor = { action: 'alert', reason: 'r', untilMs: AT_MS + 1 } as const;
    const rule = ruleOf({ onFailure: 'alert', unsafeFloor, tls: { minVersion: '1.3' } });
    expect(say(verify(spoken('TLSv1.2', GCM), trust, rule))).toBe('block tls.version');
    expect(say(verify(spoken('TLSv1.2', GCM), trustOf({}), rule))).toBe('block tls.version');
    expect(say(verify(evidenceOf([], { tlsVersion: 'TLSv1.2', cipher: GCM }), trust, rule))).toBe('block tls.version');
  });

  it('is lowered by unsafeTls until that ends, and nothing else is', () => {
    expect(say(verify(spoken('TLSv1', CBC), trust, unsafe(AT_MS + 1)))).toBe('allow');
    expect(say(verify(spoken('TLSv1', CBC), trust, unsafe(AT_MS)))).toBe('block tls.version');
    expect(say(verify(spoken('TLSv1', CBC), trust, unsafe(AT_MS + 1), AT_MS + 1))).toBe('block tls.version');
    expect(say(verify(spoken('TLSv1', CBC), trustOf({}), unsafe(AT_MS + 1)))).toBe('block chain.incomplete');
    expect(say(verify(spoken('TLSv1.2', 'TLS_RSA_WITH_RC4_128_SHA'), trust, unsafe(AT_MS + 1)))).toBe(
      'block tls.version',
    );
  });

  it('refuses a connection whose version or cipher is not known, and skips what never was a connection', () => {
    expect(say(verify(spoken(null, null), trust))).toBe('block tls.version');
    expect(say(verify(spoken('TLSv1.3', null), trust))).toBe('block tls.version');
    const offline = evidenceOf([leaf], { tlsVersion: null, cipher: null, address: null, openssl: 'none' });
    expect(say(verify(offline, trust, ruleOf({ tls: { minVersion: '1.3' } })))).toBe('allow');
    expect(checkTls({ evidence: offline, rule: ruleOf(), nowMs: AT_MS })).toEqual({ is: 'skipped', why: 'offline' });
  });
});

it('says what is allowed without knowing what was spoken', () => {
  expect(tlsFacts({ minVersion: '1.0', ciphers: 'legacy' }, null)).toEqual({
    allowed: 'TLS 1.0 and later, legacy ciphers too',
  });
});
