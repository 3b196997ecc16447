import { describe, expect, it } from 'vitest';
import { GROUP_FIELDS, groupEvents, groupLines } from '../../src/cli/event-groups.ts';
import { createScreen } from '../../src/cli/screen.ts';
import { CODES } from '../../src/model/codes.ts';
import { readAuditRecord, type VerdictLine } from '../../src/observe/audit-event.ts';
import { verdictRecord } from '../../src/observe/records.ts';
import { mismatchEntry } from '../support/unexpected.ts';

const base = readAuditRecord(verdictRecord(mismatchEntry(), 1)) as VerdictLine;
const event = (fields: Partial<VerdictLine>): VerdictLine => ({ ...base, ...fields });
const screen = (columns: number) => createScreen({ isTty: false, columns, env: {} });

it('a client that asks for many names cannot grow it without end', () => {
  const many = (function* () {
    for (let at = 0; at < 10_500; at += 1) yield event({ host: `${at}.example` });
    yield event({ host: '0.example' });
  })();
  const { groups, rest } = groupEvents(many, ['host']);
  expect(groups).toHaveLength(10_000);
  expect(rest).toBe(500);
  expect(groups[0]?.count).toBe(2);
});

describe('groups', () => {
  const { groups } = groupEvents(
    [
      event({ host: 'a.example', issuer: 'CN=Inspection' }),
      event({ host: 'b.example', issuer: 'CN=Inspection', verdict: 'alert' }),
      event({ host: 'c.example', issuer: null, verdict: 'allow', atMs: 5 }),
    ],
    ['issuer', 'policy'],
  );

  it('count events and hosts, largest first', () => {
    expect(groups.map(({ values, count, hosts }) => [values, count, hosts])).toEqual([
      [['CN=Inspection', 'bank'], 2, 2],
      [[null, 'bank'], 1, 1],
    ]);
    expect(groups[0]?.verdicts).toEqual({ allow: 0, alert: 1, block: 1, error: 0 });
  });

  it('fit on a line, whatever the names are', () => {
    const long = groupEvents(
      [event({ issuer: `CN=${'x'.repeat(200)}`, policy: 'y'.repeat(64) })],
      ['issuer', 'address', 'policy'],
    );
    for (const columns of [80, 140]) {
      for (const line of groupLines(long.groups, ['issuer', 'address', 'policy'], screen(columns))) {
        expect(line.length).toBeLessThanOrEqual(columns);
      }
    }
    expect(groupLines(groups, ['issuer', 'policy'], screen(80))[1]).toContain('CN=Inspection bank    alert 1, block 1');
  });
});

it('never cuts a code: longer texts give way first', () => {
  const fields = ['code', 'host', 'issuer'];
  const shown = (code: VerdictLine['code'], by: readonly string[], columns: number) => {
    const long = event({ code, host: 'api.a-very-long-name.bank.example', issuer: `CN=${'x'.repeat(60)}` });
    return groupLines(groupEvents([long], by).groups, by, screen(columns))[1]!;
  };
  for (const code of Object.keys(CODES) as (keyof typeof CODES)[]) {
    for (const columns of [40, 80, 140]) expect(shown(code, fields, columns)).toContain(` ${code} `);
  }
  for (const by of [fields, [...fields, 'address']]) {
    expect(shown('chain.private-root', by, 80).length).toBeLessThanOrEqual(80);
  }
  expect(shown('chain.private-root', fields, 80)).toContain(' api.a-ve');
});

it('knows a value for each field', () => {
  const whole = event({ clientGroup: 'ci', owner: 'pay' });
  for (const [name, field] of Object.entries(GROUP_FIELDS)) expect([name, field(whole)]).not.toContain(null);
  expect(GROUP_FIELDS['host']?.(event({ host: null }))).toBeNull();
});
