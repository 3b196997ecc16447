import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/model/finding.ts';
import { createBudget, LIMITS } from '../../../src/pki/path/budget.ts';
import type { Path } from '../../../src/pki/path/builder.ts';
import { judgeNames } from '../../../src/pki/path/path-names.ts';
import { distinguishedName } from '../../support/extensions.ts';
import { authority, type Issued } from '../../support/test-ca.ts';
import { parsed } from './path-cases.ts';

const only = (name: string) => ({ nameConstraints: { permitted: { dns: [name] } } });

function judge(members: readonly Issued[], maxComparisons = LIMITS.maxComparisons): readonly Finding[] {
  const findings: Finding[] = [];
  const path = members.map((one) => parsed(one.der)) as unknown as Path;
  judgeNames(path, createBudget({ ...LIMITS, maxComparisons }), findings);
  return findings;
}

describe('judgeNames', () => {
  it('holds every certificate below a constrained issuer against it, the anchor included', () => {
    const root = authority({ cn: 'Root', ...only('good.test') });
    const inter = root.issueCa({ cn: 'Inter' });
    const leaf = inter.issueLeaf({ dns: ['www.evil.test'] });
    expect(judge([leaf, inter, root])).toMatchObject([
      { code: 'chain.name-constraints', facts: { depth: 0, why: 'not-permitted', name: 'www.evil.test' } },
    ]);
    expect(judge([inter.issueLeaf({ dns: ['www.good.test'] }), inter, root])).toEqual([]);
  });

  it('excepts self-issued issuers, never a self-issued leaf', () => {
    const root = authority({
      cn: 'Root',
      nameConstraints: { excluded: { directory: [distinguishedName([['CN', 'Root']])] } },
    });
    const rollover = root.issueCa({ subject: root.subject });
    const leaf = rollover.issueLeaf({ cn: 'x', dns: ['good.test'] });
    expect(judge([leaf, rollover, root])).toEqual([]);
    const namesake = rollover.issueLeaf({ subject: root.subject, dns: ['good.test'] });
    expect(judge([namesake, rollover, root])).toMatchObject([{ facts: { depth: 0, why: 'excluded' } }]);
  });

  it('ends when the comparisons do not fit', () => {
    const root = authority({ cn: 'Root', ...only('good.test') });
    const leaf = root.issueLeaf({ dns: Array.from({ length: 50 }, (_, index) => `h${index}.good.test`) });
    expect(judge([leaf, root])).toEqual([]);
    expect(judge([leaf, root], 10)).toMatchObject([{ code: 'chain.name-constraints', facts: { why: 'budget' } }]);
  });
});
