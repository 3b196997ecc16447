import { describe, expect, it } from 'vitest';
import { decodeLogList } from '../../../src/pki/ct/log-list-decode.ts';
import { testLog } from '../../support/ct-log.ts';
import { generateKey } from '../../support/keys.ts';

const log = testLog().json;
const list = (operators: unknown, more: Record<string, unknown> = {}) => ({
  version: '1.0',
  log_list_timestamp: '2026-06-01T00:00:00Z',
  operators,
  ...more,
});
const withLog = (change: Record<string, unknown>) => list([{ name: 'One', logs: [{ ...log, ...change }] }]);

describe('decodeLogList', () => {
  it.each([
    ['null', null, 'list'],
    ['a list', [], 'list'],
    ['no version', list([], { version: 1 }), 'version'],
    ['no time', list([], { log_list_timestamp: '2026-06-01' }), 'log_list_timestamp'],
    ['a month that does not exist', list([], { log_list_timestamp: '2026-13-01T00:00:00Z' }), 'log_list_timestamp'],
    ['no operators', list(undefined), 'operators'],
    ['too many operators', list(Array(257).fill({})), 'operators'],
    ['an operator without name', list([{ name: '', logs: [] }]), 'operators[0].name'],
    ['an operator without logs', list([{ name: 'One' }]), 'operators[0].logs'],
    ['tiled logs of another type', list([{ name: 'One', logs: [], tiled_logs: {} }]), 'operators[0].tiled_logs'],
    ['a log that is no object', list([{ name: 'One', logs: ['x'] }]), 'operators[0].logs[0]'],
    ['a key that is no base64', withLog({ key: 'a b' }), 'operators[0].logs[0].key'],
    ['a key that is no text', withLog({ key: 1 }), 'operators[0].logs[0].key'],
    ['a key that is no key', withLog({ key: 'AAAA' }), 'operators[0].logs[0].key'],
    ['the id of another log', withLog({ log_id: testLog().logId }), 'operators[0].logs[0].log_id'],
    [
      'an unknown state',
      withLog({ state: { frozen: { timestamp: '2026-01-01T00:00:00Z' } } }),
      'operators[0].logs[0].state',
    ],
    [
      'two states',
      withLog({
        state: { usable: { timestamp: '2026-01-01T00:00:00Z' }, retired: { timestamp: '2026-01-01T00:00:00Z' } },
      }),
      'operators[0].logs[0].state',
    ],
    ['no state in the state', withLog({ state: {} }), 'operators[0].logs[0].state'],
    ['a state without time', withLog({ state: { usable: {} } }), 'operators[0].logs[0].state.usable.timestamp'],
    ['half an interval', withLog({ temporal_interval: {} }), 'operators[0].logs[0].temporal_interval.start_inclusive'],
    [
      'an interval that is turned round',
      withLog({
        temporal_interval: { start_inclusive: '2026-01-01T00:00:00Z', end_exclusive: '2025-01-01T00:00:00Z' },
      }),
      'operators[0].logs[0].temporal_interval',
    ],
    [
      'a previous operator without end',
      withLog({ previous_operators: [{ name: 'x' }] }),
      'previous_operators[0].end_time',
    ],
  ])('refuses %s and names the place', (_, json, place) => {
    const decoded = decodeLogList(json);
    expect(decoded).toMatchObject({ ok: false });
    expect(!decoded.ok && decoded.why.split(': ')[0]).toContain(place);
  });

  it.each(['p384', 'ed25519', 'rsa1024', 'rsa-pss'] as const)('refuses a %s key', (name) => {
    const json = testLog({ key: generateKey(name) }).json;
    expect(decodeLogList(list([{ name: 'One', logs: [json] }]))).toMatchObject({ ok: false });
  });

  it('refuses more logs than any list has', () => {
    const logs = Array(4000).fill({});
    const decoded = decodeLogList(list([{ name: 'One', logs: [...logs, ...logs] }]));
    expect(decoded).toMatchObject({ ok: false, why: 'operators[0].logs: more than 4096 entries' });
  });

  it('reads a log with everything', () => {
    const full = testLog({
      key: 'rsa2048',
      state: ['retired', '2026-02-01T00:00:00.5Z'],
      interval: ['2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z'],
      previousOperators: [
        { name: 'Later', end_time: '2025-06-01T00:00:00Z' },
        { name: 'First', end_time: '2025-01-01T00:00:00Z' },
      ],
    });
    const decoded = decodeLogList(list([{ name: 'One', logs: [full.json] }]));
    expect(decoded).toMatchObject({
      ok: true,
      value: {
        logs: [
          {
            logId: full.logId,
            algorithm: 'rsa',
            state: 'retired',
            stateSinceMs: Date.UTC(2026, 1, 1, 0, 0, 0, 500),
            interval: { startMs: Date.UTC(2026, 0, 1), endMs: Date.UTC(2027, 0, 1) },
            operator: 'One',
            previousOperators: [{ name: 'First' }, { name: 'Later' }],
          },
        ],
      },
    });
  });

  it('reads a log that says little: it is named by its id and has no state', () => {
    const { key, log_id } = log as { key: string; log_id: string };
    const decoded = decodeLogList(list([{ name: 'One', logs: [{ key, log_id }] }]));
    expect(decoded).toMatchObject({
      ok: true,
      value: { logs: [{ description: log_id, state: 'unstated', interval: null, previousOperators: [] }] },
    });
  });
});
