import { describe, expect, it } from 'vitest';
import { eventHeading, eventLine, shortTime, targetOf } from '../../src/cli/event-line.ts';
import { createScreen } from '../../src/cli/screen.ts';
import { type AuditEvent, readAuditRecord } from '../../src/observe/audit-event.ts';
import { closeRecord, verdictRecord } from '../../src/observe/records.ts';
import { AT_MS, CLIENT, closeEntry, verdictEntry } from '../support/entries.ts';
import { mismatchEntry } from '../support/unexpected.ts';

const ESC = String.fromCharCode(27);
const screen = (columns: number) => createScreen({ isTty: false, columns, env: {} });
const verdict = (...args: Parameters<typeof mismatchEntry>) =>
  readAuditRecord(verdictRecord(mismatchEntry(...args), 1))!;
const close = (...args: Parameters<typeof closeEntry>) => readAuditRecord(closeRecord(closeEntry(...args), 1))!;

describe('hostile names', () => {
  it('neither leave the line nor colour it, at any width', () => {
    const host = `${ESC}[2J\n${'x'.repeat(300)}`;
    const event = { ...verdict(), host, rule: `${ESC}[31m`, issuer: `${'y'.repeat(300)}\u202e` };
    for (const columns of [40, 80, 119, 120, 140, 200]) {
      const line = eventLine(event, screen(columns))!;
      expect(line).not.toContain('\n');
      expect(line).not.toContain(ESC);
      expect(line).not.toContain('\u202e');
      expect(line.length, String(columns)).toBeLessThanOrEqual(Math.max(columns, 70));
    }
  });
});

it('a verdict on one line, with issuer and address where there is room', () => {
  expect(eventLine(verdict(), screen(80))).toBe(
    '03-01 00:00:00 block e-1      api.bank.example:443       pin.mismatch',
  );
  const wide = eventLine(verdict(), screen(140));
  expect(wide).toContain(' bank ');
  expect(wide).toContain('192.0.2.7, CN=Other Trusted Issuing');
  expect(eventHeading(screen(140))).toContain('address, issuer');
  expect(eventHeading(screen(80)).length).toBeLessThanOrEqual(80);
  const bare = readAuditRecord(
    verdictRecord(verdictEntry({ authority: null, evidence: null, report: null, rule: null }), 1),
  )!;
  expect(eventLine(bare, screen(140))).toContain('allow e-1      -');
});

it('never cuts a code: the host gives way to a long one', () => {
  for (const code of ['chain.incomplete', 'chain.validators-disagree', 'certificate-policy.missing'] as const) {
    const line = eventLine({ ...verdict(), code, host: 'x'.repeat(99) } as AuditEvent, screen(80))!;
    expect(line.endsWith(` ${code}`)).toBe(true);
    expect(line.length).toBeLessThanOrEqual(80);
    expect(eventLine({ ...verdict(), code } as AuditEvent, screen(140))).toContain(` ${code} `);
  }
});

it('a close only when it says something', () => {
  expect(eventLine(close(), screen(80))).toBeNull();
  expect(eventLine(close({ clientAlert: 'unknown_ca' }), screen(80))).toContain('CA refused: unknown_ca');
  expect(eventLine(close({ clientAlert: 'unknown_ca' }), screen(140))).toContain('(by 10.4.0.9)');
  // A browser's spare connection ends like this as well.
  expect(eventLine(close({ clientAlert: 'closed' }), screen(80))).toMatch(/CA refused\? closed$/);
  const inGroup = close({ clientAlert: 'closed', client: { ...CLIENT, groups: ['ci'] } });
  expect(eventLine(inGroup, screen(140))).toContain('closed (by ci)');
  expect(eventLine(close({ code: 'sni.mismatch' }), screen(80))).toContain('sni.mismatch');
});

it('times in UTC, IPv6 in brackets', () => {
  expect(shortTime(AT_MS)).toBe('03-01 00:00:00');
  expect(targetOf({ host: '2001:db8::1', port: 443 })).toBe('[2001:db8::1]:443');
  expect(targetOf({ host: 'a', port: null })).toBe('a:?');
});
