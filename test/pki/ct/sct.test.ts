import { describe, expect, it } from 'vitest';
import { MAX_SCTS, parseSctList, type Sct, type SignedEntry, signedBytes, verifySct } from '../../../src/pki/ct/sct.ts';
import { parsedList, sctList, type TestLog, testLog } from '../../support/ct-log.ts';

const AT = Date.UTC(2026, 5, 1);
const ENTRY: SignedEntry = { type: 'precert', issuerKeyHash: Buffer.alloc(32, 7), tbs: Buffer.from('a certificate') };
const log = testLog();
const logFact = (of: TestLog) => parsedList([of], AT).logs.get(of.logId)!;

function only(list: Buffer): Sct {
  const parsed = parseSctList(list);
  if (!parsed.ok || parsed.value.scts.length !== 1) throw new Error('not one SCT');
  return parsed.value.scts[0]!;
}

describe('parseSctList', () => {
  const good = sctList(log.sct(ENTRY, AT));

  it.each([
    ['nothing', Buffer.alloc(0), 0],
    ['half a length', Buffer.from([0]), 0],
    ['an empty list', Buffer.from([0, 0]), 2],
    ['an empty SCT', Buffer.from([0, 2, 0, 0]), 2],
    ['half the length of an SCT', Buffer.from([0, 1, 0]), 2],
    ['a list that is longer than it says', Buffer.concat([good, Buffer.from([0])]), 0],
    ['a list that is shorter than it says', good.subarray(0, -1), 0],
    ['an SCT that runs past the list', Buffer.from([0, 3, 0, 9, 0]), 2],
    ['an SCT of its version alone', Buffer.from([0, 3, 0, 1, 0]), 2],
    ['bytes behind an SCT', sctList(Buffer.concat([log.sct(ENTRY, AT), Buffer.from([0])])), 2],
    ['more than a list can be', Buffer.alloc(70_000), 65_537],
  ])('refuses %s', (_, bytes, offset) => {
    expect(parseSctList(bytes)).toMatchObject({ ok: false, offset });
  });

  it('refuses an SCT cut at any byte', () => {
    const sct = log.sct(ENTRY, AT, { extensions: Buffer.from([0, 0, 5, 0, 0, 0, 0, 1]) });
    for (let size = 1; size < sct.length; size += 1) {
      expect(parseSctList(sctList(sct.subarray(0, size))), `${size} bytes`).toMatchObject({ ok: false });
    }
  });

  it('refuses more SCTs than the limit, counting those of unknown version', () => {
    const unknown = Buffer.from([1, 2, 3]);
    expect(parseSctList(sctList(...Array(MAX_SCTS).fill(unknown)))).toMatchObject({ ok: true });
    expect(parseSctList(sctList(...Array(MAX_SCTS + 1).fill(unknown)))).toMatchObject({ ok: false });
  });

  it('skips an SCT of unknown version and keeps the others', () => {
    const parsed = parseSctList(sctList(log.sct(ENTRY, AT, { version: 1 }), log.sct(ENTRY, AT)));
    expect(parsed).toMatchObject({ ok: true, value: { skipped: 1, scts: [{ logId: log.logId, timestampMs: AT }] } });
  });

  it('keeps a timestamp that a number cannot hold', () => {
    const bytes = log.sct(ENTRY, AT);
    bytes.fill(0xff, 33, 41);
    expect(only(sctList(bytes)).timestamp).toBe(2n ** 64n - 1n);
  });
});

describe('signedBytes', () => {
  it('is the structure of RFC 6962 §3.2, byte for byte', () => {
    const entry: SignedEntry = { type: 'precert', issuerKeyHash: Buffer.alloc(32, 0xaa), tbs: Buffer.from([1, 2]) };
    const bytes = signedBytes({ timestamp: 0x0102n, extensions: Buffer.from([9]) }, entry);
    expect(bytes.toString('hex')).toBe(`0000${'0000000000000102'}0001${'aa'.repeat(32)}000002${'0102'}000109`);
    const beside = signedBytes(
      { timestamp: 1n, extensions: Buffer.alloc(0) },
      { type: 'x509', certificate: Buffer.from([3]) },
    );
    expect(beside.toString('hex')).toBe(`0000${'0000000000000001'}0000000001030000`);
  });
});

describe('verifySct', () => {
  const extensions = Buffer.from([0, 0, 5, 0, 0, 0, 0, 42]);

  it('fails for a broken signature, another entry, another time, other extensions and another log', () => {
    const fact = logFact(log);
    const sct = only(sctList(log.sct(ENTRY, AT, { extensions })));
    const broken = only(sctList(log.sct(ENTRY, AT, { broken: true })));
    expect(verifySct(broken, ENTRY, fact)).toBe('failed');
    expect(verifySct(sct, { ...ENTRY, tbs: Buffer.from('another') }, fact)).toBe('failed');
    expect(verifySct(sct, { type: 'x509', certificate: ENTRY.tbs }, fact)).toBe('failed');
    expect(verifySct({ ...sct, timestamp: sct.timestamp + 1n }, ENTRY, fact)).toBe('failed');
    expect(verifySct({ ...sct, extensions: Buffer.alloc(0) }, ENTRY, fact)).toBe('failed');
    expect(verifySct(sct, ENTRY, logFact(testLog()))).toBe('failed');
    expect(verifySct({ ...sct, signature: Buffer.from('no DER') }, ENTRY, fact)).toBe('failed');
  });

  it('refuses every algorithm but SHA-256 with the kind of key that the log has', () => {
    const fact = logFact(log);
    for (const [hash, algorithm] of [
      [0, 3],
      [2, 3],
      [5, 3],
      [4, 0],
      [4, 1],
      [4, 2],
      [4, 4],
    ] as const) {
      const sct = only(sctList(log.sct(ENTRY, AT, { hash, algorithm })));
      expect(verifySct(sct, ENTRY, fact), `${hash}.${algorithm}`).toBe('unsupported-algorithm');
    }
    const rsa = testLog({ key: 'rsa2048' });
    const sct = only(sctList(rsa.sct(ENTRY, AT, { algorithm: 3 })));
    expect(verifySct(sct, ENTRY, logFact(rsa))).toBe('unsupported-algorithm');
  });

  it('verifies with and without extensions, ECDSA and RSA', () => {
    for (const one of [log, testLog({ key: 'rsa2048' })]) {
      expect(verifySct(only(sctList(one.sct(ENTRY, AT))), ENTRY, logFact(one))).toBe('verified');
      expect(verifySct(only(sctList(one.sct(ENTRY, AT, { extensions }))), ENTRY, logFact(one))).toBe('verified');
    }
  });
});
