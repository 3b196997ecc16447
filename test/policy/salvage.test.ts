import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asWritten, lostFields, pathKey, salvage, withVersion } from '../../src/policy/salvage.ts';
import { checkShape, headWithoutRulesSchema, plainRuleSchema } from '../../src/policy/schema.ts';

const rest = (value: unknown) => salvage((one) => checkShape(plainRuleSchema, one), value);

describe('salvage', () => {
  it.each([
    ['no map', 1],
    ['a list', []],
    ['nothing', null],
  ])('leaves nothing of %s', (_, value) => expect(rest(value)).toBeNull());

  it.each([
    ['an unknown key', { name: 'a', foo: 1 }, { name: 'a' }],
    ['an unknown key below', { pins: { anyOff: 1, anyOf: [] } }, { pins: { anyOf: [] } }],
    ['a word', { name: 'a', onFailure: 'blok' }, { name: 'a' }],
    ['what lacks a key', { name: 'a', unsafeFloor: { action: 'alert', reason: 'r' } }, { name: 'a' }],
    ['what lacks a key when an unknown one is gone', { unsafeFloor: { action: 'alert', reson: 'r', until: 'x' } }, {}],
    ['a list that is empty then', { certificatePolicies: [1] }, {}],
    ['the branch of a union that was meant', { anchors: ['a.pem', 1] }, { anchors: ['a.pem'] }],
    ['a union of which none was meant', { anchors: 1, name: 'a' }, { name: 'a' }],
  ])('takes out %s', (_, value, left) => expect(rest(value)?.value).toEqual(left));

  it('knows where the entries of a list were', () => {
    const left = rest({ match: [1, 'a', 2, 3, 'b'], pins: { anyOf: [{ leaf: 1, name: 'x' }, 7, { leaf: 'k' }] } });
    expect(left?.value).toEqual({ match: ['a', 'b'], pins: { anyOf: [{ name: 'x' }, { leaf: 'k' }] } });
    const shifts = left?.shifts ?? new Map();
    expect(asWritten(['match', 1], shifts)).toEqual(['match', 4]);
    expect(asWritten(['pins', 'anyOf', 1, 'leaf'], shifts)).toEqual(['pins', 'anyOf', 2, 'leaf']);
    expect(asWritten(['match', 9], shifts), 'nothing is there').toEqual(['match', 9]);
    expect(asWritten(['name'], new Map())).toEqual(['name']);
  });

  it('keeps the groups of a file without rules', () => {
    const value = withVersion({ version: 7, pinGroups: { g: { pins: [{ key: 'k' }] } }, rules: 1 });
    const left = salvage((one) => checkShape(headWithoutRulesSchema, one), value);
    expect(left?.value).toEqual({ version: 1, pinGroups: { g: { pins: [{ key: 'k' }] } } });
    expect(withVersion([1])).toEqual([1]);
    expect(withVersion(null)).toBeNull();
  });

  it('always ends in what the schema takes, whatever it is given', () => {
    const keys = fc.constantFrom('name', 'match', 'pins', 'anyOf', 'leaf', 'checks', 'ct', 'unsafeFloor', 'until', 'x');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom('a', 'block', 1, null, true),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(keys, tie('tree'), { maxKeys: 5, noNullPrototype: false }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const left = rest(value);
        expect(left === null || checkShape(plainRuleSchema, left.value).ok).toBe(true);
        expect(left === null).toBe(typeof value !== 'object' || value === null || Array.isArray(value));
      }),
    );
  });
});

describe('lostFields', () => {
  const issue = (path: readonly PropertyKey[], keys?: readonly string[]) => ({
    code: 'x',
    message: 'm',
    path,
    ...(keys && { keys }),
  });

  it('names what is wrong, and what an unknown key meant', () => {
    const issues = [issue(['pins', 'anyOf', 0]), issue([], ['raeson', 'nothing-like-it']), issue(['defaults', 'mode'])];
    expect([...lostFields(issues, [], ['reason', 'clients'])].toSorted()).toEqual(['defaults', 'pins', 'reason']);
    expect([...lostFields(issues, ['defaults'], [])]).toEqual(['mode']);
    expect([...lostFields(issues, ['unmatched'], ['reason'])]).toEqual([]);
    expect([...lostFields([issue(['defaults'], ['client'])], ['defaults'], ['clients'])]).toEqual(['clients']);
  });

  it('looks into the branch of a union that was meant', () => {
    const branches = [[{ ...issue([]), code: 'invalid_type' }], [issue(['mayMatch', 0])]];
    const union = { ...issue(['policies', 1]), code: 'invalid_union', errors: branches };
    expect([...lostFields([union], ['policies', 1], [])]).toEqual(['mayMatch']);
    expect([...lostFields([union], [], [])]).toEqual(['policies']);
  });

  it('tells paths apart that read the same', () => {
    expect(pathKey(['a', '0'])).not.toBe(pathKey(['a', 0]));
  });
});
