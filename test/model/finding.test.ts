import { describe, expect, it } from 'vitest';
import { finding } from '../../src/model/finding.ts';

describe('finding', () => {
  it('is frozen, and speaks of a certificate only when it was given one', () => {
    const plain = finding('pin.mismatch');
    expect(plain).toEqual({ code: 'pin.mismatch', facts: {} });
    expect('certificate' in plain).toBe(false);
    expect(Object.isFrozen(plain)).toBe(true);
    expect(finding('chain.expired', { days: 3 }, 0)).toEqual({
      code: 'chain.expired',
      facts: { days: 3 },
      certificate: 0,
    });
  });
});
