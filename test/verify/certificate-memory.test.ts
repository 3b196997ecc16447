import { expect, it } from 'vitest';
import type { Parsed } from '../../src/pki/x509/certificate.ts';
import { createCertificateMemory, REMEMBERED_BYTES_MAX } from '../../src/verify/certificate-memory.ts';
import { selfSigned } from '../support/test-ca.ts';
import { certificateOf } from './verify-cases.ts';

const value = (why: string): Parsed<never> => ({ ok: false, why, offset: 0 });

it('does not hold large certificates, which a hostile server sends by the thousand', () => {
  const memory = createCertificateMemory(4);
  const small = certificateOf(selfSigned({ dns: ['a.test'] }));
  const large = certificateOf(selfSigned({ dns: Array.from({ length: 500 }, (_, index) => `h${index}.test`) }));
  expect(large.der.bytes.length).toBeGreaterThan(REMEMBERED_BYTES_MAX);
  for (const value of [small, large]) memory.remember(value.der.sha256, { ok: true, value });
  expect(memory.recall(small.der.sha256)).toEqual({ ok: true, value: small });
  expect(memory.recall(large.der.sha256)).toBeUndefined();
});

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
