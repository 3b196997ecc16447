import { expect, it } from 'vitest';
import { auditFileOf } from '../../src/runtime/audit-file.ts';

it('gives each worker a file of its own beside the named one', () => {
  expect(auditFileOf('/var/audit.ndjson', 1)).toBe('/var/audit.ndjson');
  expect(auditFileOf('/var/audit.ndjson', 2)).toBe('/var/audit.2.ndjson');
  expect(auditFileOf('/var/audit', 12)).toBe('/var/audit.12');
});
