/** Log lists that are nearly right: always an answer, and no log whose id is not the hash of its key. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { logListAge, parseLogList } from '../../src/pki/ct/log-list.ts';
import { decodeLogList } from '../../src/pki/ct/log-list-decode.ts';
import { listBytes, testLog } from '../support/ct-log.ts';
import { mangled } from '../support/mangled.ts';

const AT = Date.UTC(2026, 0, 1);
const logs = [
  testLog({ interval: ['2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z'] }),
  testLog({ operator: 'Two', tiled: true, previousOperators: [{ name: 'Old', end_time: '2025-01-01T00:00:00Z' }] }),
];
const seed = listBytes(logs, AT);

it('never throws', () => {
  fc.assert(
    fc.property(mangled([seed]), (bytes) => {
      const parsed = parseLogList(bytes);
      if (!parsed.ok) {
        expect(parsed.why).toBeTypeOf('string');
        return;
      }
      expect(logListAge(parsed.value, AT)).toBeTypeOf('string');
      for (const [id, log] of parsed.value.logs) {
        expect(createHash('sha256').update(log.spki).digest('base64')).toBe(id);
      }
    }),
    { numRuns: 3000 },
  );
});

it('takes any JSON at any place', () => {
  const whole = JSON.parse(seed.toString('utf8')) as Record<string, unknown>;
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('version', 'log_list_timestamp', 'operators'), (value, key) => {
      expect(decodeLogList(value).ok).toBe(false);
      expect(decodeLogList({ ...whole, [key]: value }).ok).toBeTypeOf('boolean');
      expect(decodeLogList({ ...whole, operators: [{ name: 'One', logs: [value] }] }).ok).toBeTypeOf('boolean');
    }),
    { numRuns: 1000 },
  );
});
