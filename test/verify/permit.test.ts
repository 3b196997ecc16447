/** A permit cannot be made outside of judge, for the compiler (checked by `check:types`) and at run time. */
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { judge } from '../../src/verify/judge.ts';
import { Permit, takeMint } from '../../src/verify/permit.ts';
import { evidenceOf } from './verify-cases.ts';

function relay(permit: Permit): boolean {
  return Permit.isGenuine(permit);
}

describe('Permit', () => {
  it('is no literal, no subclass and no copy', () => {
    const evidence = evidenceOf([]);
    // @ts-expect-error: a literal has not the private mark
    expect(relay({ evidence, use: () => undefined })).toBe(false);
    // @ts-expect-error: nothing at all
    expect(relay(null)).toBe(false);
    expect(Permit.isGenuine(Object.create(Permit.prototype))).toBe(false);
    expect(Permit.isGenuine('permit')).toBe(false);
    // @ts-expect-error: the constructor is private
    const construct = () => new Permit(evidence);
    expect(construct).toBeTypeOf('function');
  });

  it('has one mint, which judge has taken', () => {
    expect(judge).toBeTypeOf('function');
    expect(() => takeMint()).toThrow(Problem);
  });
});
