import { describe, expect, it } from 'vitest';
import { MAX_ALIASES, MAX_DEPTH, MAX_FILE_BYTES, MAX_MISTAKES, readYaml } from '../../src/policy/yaml.ts';
import { brief } from '../support/policies.ts';

const read = (text: string) => readYaml(text, '/a.yaml');
const errors = (text: string): string[] => {
  const result = read(text);
  return result.ok ? [] : result.mistakes.map(brief);
};

describe('readYaml: limits', () => {
  it('refuses a large file before it is parsed', () => {
    const text = `a: ${'x'.repeat(MAX_FILE_BYTES)}`;
    expect(errors(text)).toEqual([`1:1 the file is larger than ${MAX_FILE_BYTES} bytes`]);
    expect(errors(`a: "${'é'.repeat(MAX_FILE_BYTES / 2)}"`)[0]).toContain('larger');
  });

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['maps', `a: ${'{a: '.repeat(2_000)}`],
    ['dashes', '- '.repeat(50_000)],
    ['closed', `a: ${'['.repeat(MAX_DEPTH + 1)}${']'.repeat(MAX_DEPTH + 1)}`],
  ])('refuses depth: %s', (_, text) => expect(errors(text).join('\n')).toContain('nested deeper than 32'));

  it('takes 32 levels', () => {
    expect(errors(`a: ${'['.repeat(MAX_DEPTH - 1)}1${']'.repeat(MAX_DEPTH - 1)}`)).toEqual([]);
  });

  it('refuses an alias bomb in no time', () => {
    const levels = 'bcdefghi';
    let text = 'a: &a [x, x, x, x, x, x, x, x, x]\n';
    for (const [index, name] of levels.split('').entries()) {
      const before = index === 0 ? 'a' : levels[index - 1];
      text += `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]\n`;
    }
    expect(errors(text).join('\n')).toContain('aliases repeat more than 10000 values');
  });

  it('refuses more than 100 aliases, and aliases of themselves', () => {
    const aliases = (count: number) => `a: &a x\nb: [${Array.from({ length: count }, () => '*a').join(', ')}]\n`;
    expect(errors(aliases(MAX_ALIASES))).toEqual([]);
    expect(errors(aliases(MAX_ALIASES + 1)).join('\n')).toContain('more than 100 aliases');
    expect(errors('a: &a [*a]\n').length).toBeGreaterThan(0);
  });

  it('is not slow on many keys, and counts its mistakes', () => {
    const many = Array.from({ length: 60_000 }, (_, index) => `k${index}:\n`).join('');
    expect(errors(`${many}k7:\n`)).toEqual(['60001:1 duplicate key `k7`']);
    expect(errors('a: !x 1\n'.repeat(500)).length).toBeLessThanOrEqual(MAX_MISTAKES);
  });
});

describe('readYaml: values', () => {
  it.each(['0x1F', '0o17', '010', '1_0.5', '1e3', '.5', '-0', '.inf', '.nan', '9007199254740993'])(
    'refuses the number %s',
    (text) => expect(errors(`a: ${text}`).length === 1 || read(`a: ${text}`).ok).toBe(true),
  );

  it('reads the core schema of YAML 1.2', () => {
    const result = read('a: no\nb: 12:30:45\nc: 1_000\nd: "010"\ne: true\nf: ~\ng: -7\nh: [x, { y: z }]\n');
    expect(result.ok && result.value.value).toEqual({
      a: 'no',
      b: '12:30:45',
      c: '1_000',
      d: '010',
      e: true,
      f: null,
      g: -7,
      h: ['x', { y: 'z' }],
    });
  });

  it('gives objects no prototype', () => {
    const result = read('a: { b: 1 }\n');
    expect(result.ok && Object.getPrototypeOf(result.value.value)).toBeNull();
    expect(Object.prototype).not.toHaveProperty('b');
  });

  it('keeps a byte order mark out, and takes a document start', () => {
    expect(read('\ufeff---\na: 1\n').ok).toBe(true);
    expect(errors('\ufeff%YAML 1.2\n---\na: 1\n')).toEqual(['1:1 directives are not allowed']);
  });

  it('gives back what can be looked at when only values are wrong', () => {
    const result = read('a: 010\nb: 1\n');
    expect(!result.ok && result.partial?.value).toEqual({ a: null, b: 1 });
    const broken = read('a: [1\n');
    expect(!broken.ok && broken.partial).toBeNull();
  });
});

describe('readYaml: places', () => {
  const result = read('a: &x { b: [1, 2] }\nc: *x\nd:\n');
  const place = (path: readonly (string | number)[], at?: 'key' | 'value') => {
    const found = result.ok ? result.value.place(path, at) : null;
    return `${found?.line}:${found?.column}`;
  };

  it.each([
    [['a'], 'key', '1:1'],
    [['a', 'b'], 'key', '1:9'],
    [['a', 'b', 1], 'value', '1:16'],
    [['c', 'b', 0], 'value', '1:13'],
    [['a', 'missing'], 'value', '1:7'],
    [['a', 'b', 9], 'value', '1:12'],
    [['a', 'b', 0, 'deeper'], 'value', '1:13'],
    [['nothing'], 'value', '1:1'],
    [[], 'value', '1:1'],
  ] as const)('%j as %s is at %s', (path, at, expected) => expect(place(path, at)).toBe(expected));

  it('counts lines behind what the parser stumbles over', () => {
    expect(errors('{]}\n , \n- \n: - \n').at(-1)).toMatch(/^4:3 /);
  });

  it('finds places in large maps', () => {
    const text = Array.from({ length: 50 }, (_, index) => `k${index}: ${index}\n`).join('');
    const many = read(text);
    expect(many.ok && many.value.place(['k49'], 'key').line).toBe(50);
    expect(many.ok && many.value.place(['k50'], 'key').line).toBe(1);
  });
});
