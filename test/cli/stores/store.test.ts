import { expect, it } from 'vitest';
import { nameOf } from '../../../src/cli/stores/store.ts';

it('two CAs never share a name in a store', () => {
  const ca = (sha256: string) => ({ file: 'ca.pem', pem: '', sha256 });
  expect(nameOf(ca('0'.repeat(64)))).not.toBe(nameOf(ca('1'.repeat(64))));
  expect(nameOf(ca('0'.repeat(64)))).toMatch(/^[a-z0-9-]+$/);
});
