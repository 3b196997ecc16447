import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAuditLine, readAuditRecord } from '../../src/observe/audit-event.ts';
import { exhibitIdOf } from '../../src/observe/exhibit.ts';
import { closeRecord, verdictRecord } from '../../src/observe/records.ts';
import { AT_MS, closeEntry } from '../support/entries.ts';
import { mismatchEntry } from '../support/unexpected.ts';

const ESC = String.fromCharCode(27);

describe('is no event', () => {
  it.each(['', '{', 'null', '[]', '"x"', '{"event.action":"verdict"}'])('%s', (text) => {
    expect(readAuditLine(text)).toBeNull();
  });

  it('a gap, a verdict without a word, a line without id or time', () => {
    const record = verdictRecord(mismatchEntry(), 1);
    for (const fields of [
      { 'event.action': 'gap' },
      { 'pinwarden.verdict': 'maybe' },
      { 'event.id': 7 },
      { '@timestamp': 'yesterday' },
    ]) {
      expect(readAuditRecord({ ...record, ...fields })).toBeNull();
    }
  });

  it('anything else: it never throws', () => {
    const keys = Object.keys(verdictRecord(mismatchEntry(), 1));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()), (fields) => {
        readAuditRecord({ ...verdictRecord(mismatchEntry(), 1), ...fields });
        readAuditLine(JSON.stringify(fields).slice(1));
      }),
    );
  });
});

it('escapes and caps what somebody wrote into the file', () => {
  const record = { ...verdictRecord(mismatchEntry(), 1), 'server.address': `${ESC}[2J${'x'.repeat(9999)}` };
  const event = readAuditRecord({ ...record, 'pinwarden.facts': { [`${ESC}k`]: [`${ESC}v`, 3], plain: 4 } });
  expect(JSON.stringify({ ...event, record: null })).not.toMatch(/(?<!\\)\\u001b/);
  expect(event?.host?.length).toBeLessThanOrEqual(256);
  expect(Object.values((event?.kind === 'verdict' && event.facts) || {})).toEqual(['\\u001bv', '4']);
});

it('reads the lines that are written', () => {
  const entry = mismatchEntry();
  const id = exhibitIdOf(entry);
  const verdict = readAuditLine(JSON.stringify(verdictRecord(entry, 3, id)));
  expect(verdict).toMatchObject({
    kind: 'verdict',
    eventId: 'e-1',
    atMs: AT_MS,
    client: '10.4.0.9',
    clientGroup: null,
    host: 'api.bank.example',
    port: 443,
    rule: 'bank',
    verdict: 'block',
    code: 'pin.mismatch',
    codes: ['pin.mismatch'],
    evidence: id,
    address: '192.0.2.7',
    issuer: 'CN=Other Trusted Issuing',
    worker: 3,
    checks: { pins: 'pass', ct: 'pass' },
  });
  expect(verdict?.kind === 'verdict' && verdict.path).toHaveLength(3);
  const close = closeEntry({ clientAlert: 'unknown_ca', client: { ...entry.client, groups: ['ci'] } });
  expect(readAuditLine(JSON.stringify(closeRecord(close, 3)))).toMatchObject({
    kind: 'close',
    reason: 'client',
    bytesDown: 2000,
    durationMs: 2500,
    clientAlert: 'unknown_ca',
    clientGroup: 'ci',
  });
  expect(readAuditLine(JSON.stringify(closeRecord(closeEntry(), 3)))).toMatchObject({ clientAlert: null });
});
