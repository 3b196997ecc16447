import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cidrHolds, parseCidr, parseIp } from '../../src/model/ip.ts';
import { clientSets } from '../../src/policy/client-sets.ts';

const group = (name: string, ...ranges: readonly string[]) => ({ name, ranges });

it('finds each set of groups that a change makes, also in the middle of a range', () => {
  const before = [group('ci', '10.0.0.0/16'), group('all', '10.0.0.0/8', '::/0')];
  const after = [group('all', '10.0.0.0/8', '::/0'), group('ci', '10.0.0.0/18', '10.0.192.0/18')];
  expect(clientSets(before, after)).toEqual([
    { before: ['ci', 'all'], after: ['all', 'ci'] },
    { before: ['ci', 'all'], after: ['all'] },
    { before: ['all'], after: ['all'] },
  ]);
});

it('knows nothing of addresses in no group, and joins equal sets', () => {
  expect(clientSets([], [])).toEqual([]);
  expect(clientSets([group('a', '1.2.3.4')], [])).toEqual([{ before: ['a'], after: [] }]);
  expect(clientSets([group('a', '1.2.3.4', '1.2.3.6', '1.2.3.4', 'nonsense')], [])).toHaveLength(1);
  expect(clientSets([group('v4', '0.0.0.0/0'), group('v6', '::/0')], [])).toHaveLength(2);
});

it('holds the sets of every address', () => {
  const range = fc.tuple(fc.nat(15), fc.integer({ min: 28, max: 32 })).map(([last, bits]) => {
    const low = last & ~(2 ** (32 - bits) - 1);
    return `10.0.0.${low}/${bits}`;
  });
  const groups = fc
    .tuple(fc.array(range, { maxLength: 3 }), fc.array(range, { maxLength: 3 }))
    .map(([a, b]) => [group('a', ...a), group('b', ...b)]);
  const namesOf = (address: string, list: readonly { name: string; ranges: readonly string[] }[]) =>
    list
      .filter(({ ranges }) => ranges.some((text) => cidrHolds(parseCidr(text)!, parseIp(address)!)))
      .map(({ name }) => name);
  fc.assert(
    fc.property(groups, groups, (before, after) => {
      const sets = new Set(clientSets(before, after).map((one) => JSON.stringify(one)));
      const real = new Set<string>();
      for (let last = 0; last < 17; last++) {
        const one = { before: namesOf(`10.0.0.${last}`, before), after: namesOf(`10.0.0.${last}`, after) };
        if (one.before.length + one.after.length > 0) real.add(JSON.stringify(one));
      }
      expect(sets).toEqual(real);
    }),
  );
});
