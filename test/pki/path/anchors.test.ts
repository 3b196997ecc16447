import { describe, expect, it } from 'vitest';
import { buildAnchorSet } from '../../../src/pki/path/anchors.ts';
import { authority } from '../../support/test-ca.ts';
import { parsed } from './path-cases.ts';

const one = parsed(authority({ cn: 'Same' }).der);
const two = parsed(authority({ cn: 'Same' }).der);

describe('buildAnchorSet', () => {
  it('does not depend on order or duplicates', () => {
    const set = buildAnchorSet('a', [one, two, one]);
    expect(set.anchors).toHaveLength(2);
    expect(set.bySubject.get(one.subject.key)).toHaveLength(2);
    expect(buildAnchorSet('b', [two, one]).sha256).toBe(set.sha256);
    expect(buildAnchorSet('c', [one]).sha256).not.toBe(set.sha256);
    expect(buildAnchorSet('d', []).anchors).toEqual([]);
  });

  it('keeps the stricter of two entries for one certificate', () => {
    const dated = (distrustAfterMs: number | null) => ({ certificate: one, distrustAfterMs });
    for (const entries of [
      [dated(null), dated(5), dated(9)],
      [dated(9), one, dated(5)],
    ]) {
      expect(buildAnchorSet('a', entries).anchors).toEqual([dated(5)]);
    }
  });
});
