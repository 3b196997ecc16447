import { describe, expect, it } from 'vitest';
import { codeOf, functionLengths, hasLogic, importsOf } from './source.ts';

describe('the house rules read our own text rightly', () => {
  it('takes comments and strings away and keeps the lines', () => {
    const text = `/**\n * Date.now()\n */\nconst a = 'Date.now()'; // Date.now()\nconst b = \`\${Date.now()}\`;\n`;
    const code = codeOf(text);
    expect(code.split('\n')).toHaveLength(text.split('\n').length);
    expect(code.match(/Date\.now/g)).toHaveLength(1);
  });

  it('keeps code that only looks like a comment', () => {
    expect(codeOf("const url = 'https://a.test'; call();")).toContain('call()');
    expect(codeOf('const quote = /["\']/; call();')).toContain('call()');
  });

  it('finds static, type-only, side-effect and dynamic imports over several lines', () => {
    const text = [
      "import { a,\n  b } from './a.ts';",
      "import type { C } from '../c.ts';",
      "import 'node:x';",
      "export { d } from './d.ts';",
      "const e = await import('./e.ts');",
      "const f = require('f') as F;",
    ].join('\n');
    expect(importsOf(text)).toEqual(['./a.ts', '../c.ts', 'node:x', './d.ts', './e.ts', 'f']);
  });

  it('knows tables and types from functions', () => {
    expect(hasLogic('export interface A { f: () => void }\nexport type B = () => A;\n')).toBe(false);
    expect(hasLogic('export const LIMIT = 1;\nconst TABLE = Object.freeze({\n  a: 1,\n});\n')).toBe(false);
    expect(hasLogic('export const clock = {\n  now: () => 1,\n};\n')).toBe(true);
    expect(hasLogic('export async function f() {}\n')).toBe(true);
    expect(hasLogic('export class A {}\n')).toBe(true);
  });

  it('measures functions, methods and arrows, not classes and objects', () => {
    const body = (count: number, indent: string) => `${indent}work();\n`.repeat(count);
    const text = [
      `export function long(\n  a: number,\n): void {\n${body(80, '  ')}}\n`,
      `class A {\n${body(5, '  ')}  method(a: number): void {\n${body(75, '    ')}  }\n${body(20, '  ')}}\n`,
      `const table = {\n${body(90, '  ')}};\n`,
      `const arrow = () => {\n${body(3, '  ')}};\n`,
    ].join('\n');
    expect(functionLengths(text).map((one) => one.lines)).toEqual([82, 77, 5]);
  });
});
