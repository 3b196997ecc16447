import { describe, expect, it } from 'vitest';
import { createCertificateMemory } from '../../src/verify/certificate-memory.ts';
import { readPresented } from '../../src/verify/presented.ts';
import { authority } from '../support/test-ca.ts';
import { AT, evidenceOf, trustOf } from './verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const leaf = root.issueLeaf({ dns: ['good.test'] });

describe('readPresented', () => {
  it('keeps its limits', () => {
    const trust = trustOf({});
    expect(readPresented(evidenceOf([leaf, ...Array.from({ length: 127 }, () => root)]), trust).ok).toBe(true);
    expect(readPresented(evidenceOf([leaf, ...Array.from({ length: 128 }, () => root)]), trust)).toMatchObject({
      code: 'chain.too-large',
    });
    const rest = 102_400 - leaf.der.length;
    expect(readPresented(evidenceOf([leaf, Buffer.alloc(rest)]), trust).ok).toBe(true);
    expect(readPresented(evidenceOf([leaf, Buffer.alloc(rest + 1)]), trust)).toMatchObject({ code: 'chain.too-large' });
  });

  it('drops duplicates and counts what does not parse', () => {
    const junk = Buffer.from('3000', 'hex');
    const evidence = evidenceOf([leaf, root, leaf, junk, root, junk], { completing: evidenceOf([root]).chain });
    const presented = readPresented(evidence, trustOf({}));
    if (!presented.ok) throw new Error('expected a list');
    expect(presented.candidates.map((one) => one.subject.text)).toEqual(['CN=Root']);
    expect(presented.malformed).toBe(1);
  });

  it('parses once when it may remember', () => {
    const trust = trustOf({}, { certificates: createCertificateMemory(10) });
    const [first, second] = [1, 2].map(() => readPresented(evidenceOf([leaf, root]), trust));
    if (first?.ok !== true || second?.ok !== true) throw new Error('expected lists');
    expect(second.leaf).toBe(first.leaf);
    expect(second.candidates[0]).toBe(first.candidates[0]);
  });
});
