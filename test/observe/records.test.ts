import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Der } from '../../src/model/der.ts';
import { finding } from '../../src/model/finding.ts';
import { closeRecord, verdictRecord } from '../../src/observe/records.ts';
import type { Certificate } from '../../src/pki/x509/certificate.ts';
import { parsePem } from '../../src/pki/x509/pem.ts';
import {
  AT_MS,
  AUTHORITY,
  CLIENT,
  closeEntry,
  evidenceOf,
  mismatchReport,
  reportOf,
  ruleOf,
  verdictEntry,
} from '../support/entries.ts';
import { authority } from '../support/test-ca.ts';
import { certificateOf, mismatchEntry, rogueLeaf } from '../support/unexpected.ts';

describe('verdict', () => {
  it('cannot be made to forge a line, whatever peers say', () => {
    const text = fc.string({ unit: 'binary', maxLength: 600 });
    fc.assert(
      fc.property(text, text, text, (user, alpn, fact) => {
        const entry = verdictEntry({
          client: { ...CLIENT, user },
          evidence: evidenceOf({ alpn }),
          facts: { fact, list: [fact, alpn], [fact]: 1 },
        });
        const line = JSON.stringify(verdictRecord(entry, 1));
        // C0, C1, line separators and bidi marks are gone, so neither a pager nor a terminal is fooled.
        expect(line).toMatch(/^[\x20-\x7e\u00a0-\u2027\u202f-\u2065\u206a-\uffff]*$/);
        expect(line.length).toBeLessThan(16_000);
      }),
      { numRuns: 200 },
    );
  });

  it('of a request that got nowhere holds no more than is known', () => {
    const nothing = { authority: null, rule: null, evidence: null, report: null, mode: null };
    const record = verdictRecord(verdictEntry({ ...nothing, verdict: 'error', code: 'request.malformed' }), 3);
    expect(record).toMatchObject({
      'event.id': 'e-1',
      'event.action': 'verdict',
      'event.outcome': 'failure',
      'source.address': '10.4.0.9',
      'pinwarden.code': 'request.malformed',
      'pinwarden.assurance': 'none',
      'pinwarden.rule': null,
      'pinwarden.worker': 3,
    });
    for (const key of ['server.address', 'user.name', 'tls.version', 'pinwarden.checks', 'pinwarden.chain']) {
      expect(record).not.toHaveProperty([key]);
    }
  });

  it('of a block says what was expected to pass and did not', () => {
    const entry = verdictEntry({ verdict: 'block', code: 'pin.mismatch', report: mismatchReport() });
    expect(verdictRecord(entry, 1)).toMatchObject({
      'event.outcome': 'failure',
      'event.reason': expect.any(String),
      'pinwarden.verdict': 'block',
      'pinwarden.would_block': true,
      'pinwarden.codes': ['pin.mismatch'],
      'pinwarden.pin': null,
    });
  });

  it('of an allow names rule, dialled address, TLS and the leaf', () => {
    const root = authority({ cn: 'Root' });
    const parsed = parsePem(root.pem);
    if (!parsed.ok) throw new Error(parsed.why);
    const record = verdictRecord(verdictEntry({ report: reportOf({ path: parsed.value }) }), 1);
    expect(record).toMatchObject({
      '@timestamp': new Date(AT_MS).toISOString(),
      'server.address': AUTHORITY.host,
      'server.port': 443,
      'network.peer.address': '192.0.2.7',
      'tls.version': '1.3',
      'tls.next_protocol': 'h2',
      'tls.server.subject': expect.stringContaining('Root'),
      'pinwarden.rule': 'bank',
      'pinwarden.policy': 'bank',
      'pinwarden.verdict': 'allow',
      'pinwarden.would_block': false,
      'pinwarden.assurance': 'connection',
      'pinwarden.generation': 7,
      'pinwarden.pin': 'primary',
      'pinwarden.pins': [`sha256/${parsed.value[0]?.spkiSha256}`],
    });
  });

  it('of a chain that leads nowhere names the leaf that was sent, if it can be read', () => {
    const leaf = rogueLeaf();
    const blocked = (chain: readonly Uint8Array[], readable: Certificate | null = null) =>
      verdictRecord(
        mismatchEntry({
          code: 'chain.incomplete',
          evidence: evidenceOf({ chain: chain.map((bytes) => Der.of(bytes)) }),
          report: reportOf({
            findings: [finding('chain.incomplete', {})],
            headline: 'chain.incomplete',
            leaf: readable,
          }),
        }),
        1,
      );
    expect(blocked([Buffer.from('no certificate')])).not.toHaveProperty(['tls.server.issuer']);
    expect(blocked([])).not.toHaveProperty(['tls.server.issuer']);
    expect(blocked(leaf.chain, certificateOf(leaf.der))).toMatchObject({
      'tls.server.subject': 'CN=api.bank.example',
      'tls.server.issuer': 'CN=Other Trusted Issuing',
      'pinwarden.path': null,
    });
  });

  it('says when only unsafeTls let the bytes flow', () => {
    const rule = ruleOf({ unsafeTls: { minVersion: '1.0', reason: 'no firmware', until: '2027-01-01' } });
    const evidence = evidenceOf({ tlsVersion: 'TLSv1', cipher: 'TLS_RSA_WITH_AES_128_CBC_SHA' });
    expect(verdictRecord(verdictEntry({ rule, evidence }), 1)).toMatchObject({
      'tls.version': '1.0',
      'tls.cipher': 'TLS_RSA_WITH_AES_128_CBC_SHA',
      'pinwarden.verdict': 'allow',
      'pinwarden.override': 'unsafeTls',
    });
    const without = [{ rule }, { evidence }, { rule, evidence, verdict: 'block', code: 'pin.mismatch' } as const];
    for (const fields of without) {
      expect(verdictRecord(verdictEntry(fields), 1)).not.toHaveProperty(['pinwarden.override']);
    }
  });

  it('of an offline or raw line leaves TLS out', () => {
    const evidence = evidenceOf({ tlsVersion: null, address: null, assurance: 'none' });
    const record = verdictRecord(verdictEntry({ evidence, report: null }), 1);
    expect(record).not.toHaveProperty(['tls.version']);
    expect(record).not.toHaveProperty(['network.peer.address']);
  });
});

it('both lines carry the trace id of the client, and none when it sent none', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  expect(verdictRecord(verdictEntry({ traceId }), 1)).toMatchObject({ 'trace.id': traceId });
  expect(closeRecord(closeEntry({ traceId }), 1)).toMatchObject({ 'trace.id': traceId });
  expect(verdictRecord(verdictEntry(), 1)).not.toHaveProperty(['trace.id']);
  expect(closeRecord(closeEntry(), 1)).not.toHaveProperty(['trace.id']);
});

describe('close', () => {
  it('carries the event id of its verdict, bytes, duration and reason', () => {
    expect(closeRecord(closeEntry({ rule: ruleOf() }), 2)).toMatchObject({
      'event.id': 'e-1',
      'event.action': 'close',
      'event.outcome': 'success',
      'event.duration': 2_500_000_000,
      'pinwarden.bytes': 2100,
      'pinwarden.duration': 2.5,
      'pinwarden.reason': 'client',
      'source.bytes': 100,
      'destination.bytes': 2000,
    });
    expect(closeRecord(closeEntry({ reason: 'error', rule: null }), 2)).toMatchObject({ 'event.outcome': 'failure' });
  });
});
