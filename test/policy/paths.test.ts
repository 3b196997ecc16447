import { expect, it } from 'vitest';
import { beside, resolveFrom } from '../../src/policy/paths.ts';

it('resolves against the directory of the file that holds the path', () => {
  expect(resolveFrom('/etc/pw/pinwarden.yaml', 'ca.pem')).toBe('/etc/pw/ca.pem');
  expect(resolveFrom('/etc/pw/pinwarden.yaml', './a/../../b')).toBe('/etc/b');
  expect(resolveFrom('/etc/pw/pinwarden.yaml', '/var//x/')).toBe('/var/x/');
});

it('names a file beside another one', () => {
  expect(beside('/etc/pw/ca.pem', 'next-')).toBe('/etc/pw/next-ca.pem');
  expect(beside('/ca.pem', 'next-')).toBe('/next-ca.pem');
});
