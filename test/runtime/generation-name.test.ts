import { expect, it } from 'vitest';
import { digestTrust, nameGeneration } from '../../src/runtime/generation-name.ts';
import type { TrustMaterial } from '../../src/runtime/messages.ts';

const TRUST: TrustMaterial = {
  publicAnchors: '[]',
  systemAnchors: null,
  anchorFiles: [{ file: '/etc/pinwarden/roots.pem', text: 'roots' }],
  logList: null,
  ct: { profile: { name: 'custom', minScts: 2, minOperators: 2, lifetimeDays: null }, maxListAgeMs: 1 },
  crls: [],
  ownCas: ['ours'],
};

const at = (home: string, rules = 'rules: []\n') => ({
  configFile: { file: `${home}/pinwarden.yaml`, text: 'version: 1\n' },
  sources: [{ file: `${home}/policies/a.yaml`, text: rules }],
});

it('is over contents and relative names, not over places and our own CA', () => {
  const name = nameGeneration(at('/etc/pinwarden'), TRUST);
  expect(name).toMatch(/^[0-9a-f]{64}$/);
  expect(nameGeneration(at('/srv/config'), { ...TRUST, ownCas: ['another'] })).toBe(name);
  expect(nameGeneration(at('/etc/pinwarden', 'rules: [] \n'), TRUST)).not.toBe(name);
  expect(nameGeneration({ ...at('/etc/pinwarden'), sources: [] }, TRUST)).not.toBe(name);
  const anchorFiles = [{ file: '/etc/pinwarden/roots.pem', text: 'other roots' }];
  expect(nameGeneration(at('/etc/pinwarden'), { ...TRUST, anchorFiles })).not.toBe(name);
});

it('tells trust with another CA of ours apart, for who asks whether anything changed', () => {
  expect(digestTrust({ ...TRUST, ownCas: [] })).not.toBe(digestTrust(TRUST));
});
