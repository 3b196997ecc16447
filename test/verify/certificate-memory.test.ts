import { expect, it } from 'vitest';
import type { Parsed } from '../../src/pki/x509/certificate.ts';
import { createCertificateMemory } from '../../src/verify/certificate-memory.ts';

const value = (why: string): Parsed<never> => ({ ok: false, why, offset: 0 });

it('forgets what was not used for longest, and never holds more than it may', () => {
  const memory = createCertificateMemory(4);
  for (const name of ['a', 'b', 'c']) memory.remember(name, value(name));
  expect(memory.recall('a')).toEqual(value('a'));
  for (const name of ['d', 'e']) memory.remember(name, value(name));
  expect(memory.recall('b')).toBeUndefined();
  expect(memory.recall('e')).toEqual(value('e'));
  const names = Array.from({ length: 100 }, (_, index) => `n${index}`);
  for (const name of names) memory.remember(name, value(name));
  expect(names.filter((name) => memory.recall(name) !== undefined).length).toBeLessThanOrEqual(4);
});
