import { expect, it } from 'vitest';
import { isPublicSuffix } from '../../../src/pki/x509/public-suffix.ts';

it.each([
  ['com', true],
  ['co.uk', true],
  ['xn--p1ai', true],
  ['unlisted-top-level', true],
  ['ck', true],
  ['anything.ck', true],
  ['www.ck', false],
  ['example.com', false],
  ['github.io', false],
  ['s3.amazonaws.com', false],
  ['', true],
])('%s: %s', (domain, suffix) => {
  expect(isPublicSuffix(domain)).toBe(suffix);
});
