import { expect, it } from 'vitest';
import { INSTRUMENTS } from '../../src/observe/instruments.ts';

const all = Object.values(INSTRUMENTS);

it('names no metric twice', () => {
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});

it.each(all)('$name follows the conventions', ({ kind, name, help, labels, buckets }) => {
  expect(name).toMatch(/^pinwarden_[a-z]+(_[a-z]+)*$/);
  expect(name.endsWith('_total'), 'counters and nothing else end in _total').toBe(kind === 'counter');
  expect(help).toMatch(/^[A-Z1].*\.$/);
  expect(buckets.length > 0, 'histograms and nothing else have buckets').toBe(kind === 'histogram');
  expect([...buckets].sort((a, b) => a - b)).toEqual(buckets);
  for (const label of labels) expect(label).toMatch(/^[a-z_0-9]+$/);
  // What a client or an upstream chooses is never a label.
  for (const label of ['host', 'sni', 'address', 'serial', 'subject', 'issuer', 'fingerprint', 'user']) {
    expect(labels).not.toContain(label);
  }
});
