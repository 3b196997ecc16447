import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  acceptLogList,
  logListAge,
  MAX_LOG_LIST_BYTES,
  MIMIC_LOG_IDS,
  parseLogList,
  verifyLogListSignature,
} from '../../../src/pki/ct/log-list.ts';
import { corpora } from '../../support/corpora.ts';
import { listBytes, parsedList, testLog } from '../../support/ct-log.ts';
import { generateKey, type KeyPair, signBytes } from '../../support/keys.ts';

const AT = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;
const log = testLog({ operator: 'One' });

const pemOf = (key: KeyPair) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();

describe('parseLogList', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no JSON', Buffer.from('{"version":')],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['deep nesting', Buffer.from('['.repeat(500_000))],
    ['another value', Buffer.from('[]')],
    ['more than the limit', Buffer.alloc(MAX_LOG_LIST_BYTES + 1, 0x20)],
    ['a log that is listed twice', listBytes([log, testLog({ operator: 'Two', key: log.key })], AT)],
  ])('refuses %s', (_, bytes) => {
    expect(parseLogList(bytes)).toMatchObject({ ok: false });
  });

  it('reads logs of both kinds by their id', () => {
    const tiled = testLog({ operator: 'Two', tiled: true, state: ['qualified', '2026-01-01T00:00:00Z'] });
    const list = parsedList([log, tiled], AT);
    expect(list).toMatchObject({ version: '1.0', timestampMs: AT, refused: [] });
    expect(list.logs.get(log.logId)).toMatchObject({ kind: 'rfc6962', operator: 'One', state: 'usable' });
    expect(list.logs.get(tiled.logId)).toMatchObject({ kind: 'tiled', operator: 'Two', state: 'qualified' });
    expect(list.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('knows the mimic logs', () => {
    expect(MIMIC_LOG_IDS.size).toBe(2);
    for (const id of MIMIC_LOG_IDS) expect(Buffer.from(id, 'base64')).toHaveLength(32);
  });
});

describe('verifyLogListSignature', () => {
  const bytes = listBytes([log], AT);

  it('refuses another key, other bytes, no key and a small key', () => {
    const key = generateKey();
    const signature = signBytes(key.privateKey, bytes).bytes;
    expect(verifyLogListSignature(bytes, signature, pemOf(generateKey()))).toBe('failed');
    expect(verifyLogListSignature(Buffer.from('other'), signature, pemOf(key))).toBe('failed');
    expect(verifyLogListSignature(bytes, Buffer.alloc(0), pemOf(key))).toBe('failed');
    expect(verifyLogListSignature(bytes, signature, 'no PEM')).toBe('unusable-key');
    const small = generateKey('rsa1024');
    const weak = signBytes(small.privateKey, bytes).bytes;
    expect(verifyLogListSignature(bytes, weak, pemOf(small))).toBe('unusable-key');
    const edwards = generateKey('ed25519');
    expect(verifyLogListSignature(bytes, signBytes(edwards.privateKey, bytes).bytes, pemOf(edwards))).toBe(
      'unusable-key',
    );
  });

  it.each(['p256', 'rsa2048'] as const)('verifies with %s', (name) => {
    const key = generateKey(name);
    expect(verifyLogListSignature(bytes, signBytes(key.privateKey, bytes).bytes, pemOf(key))).toBe('verified');
  });
});

describe('acceptLogList', () => {
  const key = generateKey();
  const publicKeyPem = pemOf(key);
  const signedList = (atMs: number) => {
    const bytes = listBytes([log], atMs);
    return { bytes, signed: { signature: signBytes(key.privateKey, bytes).bytes, publicKeyPem } };
  };

  it('refuses a wrong signature, what is malformed, and a list older than the one held', () => {
    const { bytes, signed } = signedList(AT);
    const broken = { ...signed, signature: Buffer.alloc(70) };
    expect(acceptLogList({ bytes, signed: broken, held: null })).toMatchObject({ is: 'refused', why: 'signature' });
    expect(acceptLogList({ bytes: Buffer.from('{}'), signed: null, held: null })).toMatchObject({
      is: 'refused',
      why: 'malformed',
    });
    const held = parsedList([log], AT + 1000);
    expect(acceptLogList({ bytes, signed, held })).toMatchObject({ is: 'refused', why: 'rollback' });
  });

  it('accepts the same list again and a newer one', () => {
    const held = parsedList([log], AT);
    expect(acceptLogList({ ...signedList(AT), held })).toMatchObject({ is: 'accepted' });
    expect(acceptLogList({ ...signedList(AT + DAY_MS), held })).toMatchObject({ is: 'accepted' });
  });
});

describe('logListAge', () => {
  const list = parsedList([log], AT);

  it.each([
    ['70 days', AT + 70 * DAY_MS, 'stale'],
    ['a moment less', AT + 70 * DAY_MS - 1, 'fresh'],
    ['a day ahead of us', AT - DAY_MS, 'fresh'],
    ['more ahead of us', AT - DAY_MS - 1, 'stale'],
  ])('%s: %s is %s', (_, nowMs, age) => {
    expect(logListAge(list, nowMs)).toBe(age);
  });

  it('takes another bound', () => expect(logListAge(list, AT + DAY_MS, DAY_MS)).toBe('stale'));
});

const folder = corpora('ct-appmattus');
describe.skipIf(folder === null)('real lists (corpus ct-appmattus)', () => {
  const read = (file: string) => parseLogList(readFileSync(join(folder ?? '', file)));
  const test = 'test/resources/testdata/loglist';

  it.each(['log_list_incomplete.json', 'log_list_no_operator_name.json'])('refuses %s', (file) => {
    expect(read(`${test}/${file}`)).toMatchObject({ ok: false });
  });

  it.each([
    ['main/resources/log_list.json', 75, 26],
    [`${test}/log_list.json`, 29, 0],
    [`${test}/log_list_tiled_logs.json`, 44, 3],
    [`${test}/log_list_valid_until.json`, 4, 0],
  ])('reads %s: %i logs, %i tiled', (file, logs, tiled) => {
    const parsed = read(file);
    if (!parsed.ok) throw new Error(parsed.why);
    const all = [...parsed.value.logs.values()];
    expect([all.length, all.filter((one) => one.kind === 'tiled').length]).toEqual([logs, tiled]);
  });
});
