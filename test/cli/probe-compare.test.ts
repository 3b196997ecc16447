import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareViews, issuerKeys } from '../../src/cli/probe-compare.ts';
import type { View } from '../../src/cli/probe-look.ts';
import { openRange, type Range } from './probe-support.ts';

let range: Range;
const seen: Record<string, View> = {};
beforeAll(async () => {
  range = await openRange('good', 'other-trusted-ca', 'private-root', 'plaintext');
  for (const name of ['good', 'other-trusted-ca', 'private-root', 'plaintext'] as const) {
    seen[name] = await range.view(name);
  }
});
afterAll(async () => await range.close());

describe('compareViews', () => {
  it.each([
    ['good', 'private-root', 'different'],
    ['private-root', 'good', 'different'],
    ['good', 'other-trusted-ca', 'different'],
    ['good', 'plaintext', 'one-sided'],
    ['plaintext', 'plaintext', 'one-sided'],
    ['private-root', 'private-root', 'same'],
    ['good', 'good', 'same'],
  ])('of %s and %s: %s', (one, other, is) => {
    expect(compareViews([seen[one]!, seen[other]!])?.is).toBe(is);
  });

  it('needs two views', () => {
    expect(compareViews([seen['good']!])).toBeNull();
    expect(compareViews([])).toBeNull();
  });

  it('compares the keys of issuers, not of the leaf', () => {
    const view = seen['good']!;
    if (view.kind !== 'seen') throw new Error('not seen');
    expect(issuerKeys(view).map((key) => `sha256/${key}`)).toEqual([range.pki.inter.pin, range.pki.root.pin]);
  });
});
