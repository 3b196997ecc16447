import { describe, expect, it } from 'vitest';
import { issuesToMistakes, keysAt } from '../../src/policy/issues.ts';
import { configJsonSchema, policyJsonSchema } from '../../src/policy/reference.ts';

const yaml = { file: '/a.yaml', value: { a: { b: 'x' } }, place: () => ({ file: '/a.yaml', line: 1, column: 1 }) };
const words = (issue: Parameters<typeof issuesToMistakes>[0][number]) =>
  issuesToMistakes([issue], yaml, policyJsonSchema()).map(({ message, hint }) => `${message} → ${hint}`);

describe('issuesToMistakes', () => {
  it('has words for every code, known or not', () => {
    expect(words({ code: 'brand_new', path: ['a', 'b'], message: 'odd' })).toEqual([
      '`b`: odd → see the reference in config/README.md',
    ]);
    expect(words({ code: 'invalid_key', path: ['a'], message: 'bad key' })).toEqual(['bad key → rename it']);
    expect(words({ code: 'invalid_union', path: ['a'], message: 'either or' })).toEqual([
      'either or → see the reference in config/README.md',
    ]);
    expect(words({ code: 'invalid_type', path: ['a', 'b'], message: 'm', expected: 'symbol' })).toEqual([
      '`b` is `x`, expected something else → write something else',
    ]);
    expect(words({ code: 'too_big', path: [], message: 'm', maximum: 3, origin: 'string' })).toEqual([
      '`the file` is out of range: at most 3 characters → choose a value within the range',
    ]);
    expect(words({ code: 'invalid_value', path: ['a', 'c'], message: 'm' })).toEqual(['`c` is missing → add `c:`']);
    expect(words({ code: 'invalid_type', path: ['c'], message: 'm' })).toEqual(['`c` is missing → add `c:`']);
    expect(words({ code: 'unrecognized_keys', path: [], message: 'm' })).toEqual([]);
  });

  it('calls no key missing that is only misspelled, and every other one', () => {
    const value = { a: { nam: 1 } };
    const schema = {
      properties: { a: { properties: { name: {}, match: {} } }, b: { properties: { name: {} } } },
    };
    const missing = (path: readonly string[]) => ({ code: 'invalid_type', path, message: 'm' });
    const unknown = { code: 'unrecognized_keys', path: ['a'], keys: ['nam'], message: 'm' };
    const issues = [missing(['a', 'name']), missing(['a', 'match']), missing(['b', 'name']), unknown];
    expect(issuesToMistakes(issues, { ...yaml, value }, schema).map(({ message }) => message)).toEqual([
      '`match` is missing',
      '`name` is missing',
      'unknown key `nam`',
    ]);
    const both = issuesToMistakes([missing(['a', 'name']), unknown], { ...yaml, value: { a: { name: 1 } } }, schema);
    expect(both, 'it is there, and wrong').toHaveLength(2);
  });

  it('says what to write for a missing key whose name does not tell', () => {
    const missing = (key: string) => words({ code: 'invalid_type', path: [key], message: 'm' })[0];
    expect(missing('version')).toBe('`version` is missing → add `version: 1`');
    expect(missing('until')).toBe('`until` is missing → add `until: 2027-06-01`');
  });

  it('says where a key of rules belongs that stands at the top of a file', () => {
    const hintIn = (schema: typeof configJsonSchema, key: string) =>
      issuesToMistakes([{ code: 'unrecognized_keys', path: [], message: 'm', keys: [key] }], yaml, schema())[0]?.hint;
    expect(hintIn(configJsonSchema, 'tls')).toBe(
      'write it into a rule of a policy file or its `defaults`; for hosts without a rule into `unmatched`',
    );
    expect(hintIn(configJsonSchema, 'pins')).toBe('write it into a rule of a policy file');
    expect(hintIn(policyJsonSchema, 'onFailure')).toBe('write it into a rule or its `defaults`');
    expect(hintIn(policyJsonSchema, 'match')).toBe('write it into a rule');
    expect(hintIn(configJsonSchema, 'shadow')).toContain('not built yet');
  });

  it('tells planned keys from wrong ones', () => {
    const hint = (key: string) =>
      words({ code: 'unrecognized_keys', path: ['rules', 0], message: 'm', keys: [key] })[0];
    expect(hint('shadow')).toContain('not built yet');
    expect(hint('lane'), 'although `name` is close').toContain('not built yet');
    expect(hint('exept')).toContain('did you mean `except`?');
    expect(hint('colour')).toContain('remove it, or use `name`, `match`');
  });
});

describe('keysAt', () => {
  it('follows lists, maps, references and unions', () => {
    expect(keysAt(policyJsonSchema(), ['rules', 3, 'pins', 'anyOf', 0])).toContain('leaf');
    expect(keysAt(policyJsonSchema(), ['pinGroups', 'any', 'pins', 0])).toEqual(['key', 'name', 'backup']);
    expect(keysAt(configJsonSchema(), ['policies', 0])).toContain('mayMatch');
    expect(keysAt(configJsonSchema(), ['nothing', 'there'])).toEqual([]);
    expect(keysAt({}, [0])).toEqual([]);
  });
});
