/** Reads our own source text by patterns that hold for code formatted by our formatter. */

/** The text without comments and with empty string literals, line for line. Template literals stay: they hold code. */
export function codeOf(text: string): string {
  const blank = (found: string) => found.replace(/[^\n]/g, '');
  return text
    .replace(/^#!.*/, '')
    .replace(/^\s*\/\*[\s\S]*?\*\//gm, blank)
    .replace(/(^|\s)\/\/.*$/gm, '$1')
    .replace(/(?<![\w/\\[])'(?:[^'\\\n]|\\.)*'/g, "''");
}

/** Every module that the text imports, in order, types included. */
export function importsOf(text: string): string[] {
  const pattern =
    /^(?:import|export)\s[^'"`;]*?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]/gm;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** Whether the text has functions: types, and constants that are only tables, have nothing to test. */
export function hasLogic(text: string): boolean {
  const statements = codeOf(text).split(/\n(?=\S)/);
  return statements.some(
    (one) => /^(export )?(async )?(function|class)\b/.test(one) || /^(export )?(const|let) [^=]*=[\s\S]*=> /.test(one),
  );
}

export interface FunctionLength {
  readonly line: number;
  readonly lines: number;
}

/**
 * Length of every block that a function, method or arrow opens, from the opening line to the line that closes it at
 * the same indentation. Blocks of `if` and loops with their condition on several lines count as well: one that is too
 * long lies in a function that is too long.
 */
export function functionLengths(text: string): FunctionLength[] {
  const lines = codeOf(text).split('\n');
  const found: FunctionLength[] = [];
  for (const [index, line] of lines.entries()) {
    if (!opensFunction(line)) continue;
    const indent = /^ */.exec(line)?.[0] ?? '';
    const end = lines.findIndex((other, at) => at > index && other.startsWith(`${indent}}`));
    if (end > 0) found.push({ line: index + 1, lines: end - index + 1 });
  }
  return found;
}

function opensFunction(line: string): boolean {
  if (!line.endsWith('{')) return false;
  return /=> \{$|\bfunction\b|^\s*\)(: .*)? \{$|^\s+[\w#]+( [\w#]+)*\(.*\)(: .*)? \{$|^\s+static \{$/.test(line);
}
