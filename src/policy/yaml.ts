/**
 * YAML text to plain values with places: the only door to `yaml`.
 *
 * Does: the core schema of YAML 1.2 and nothing else, within limits; every mistake at once.
 * Does not: know policies. Refused are directives, tags, merge keys, several documents, duplicate keys, keys that are
 * not strings, numbers in another spelling than plain decimal, control and bidirectional characters, and the keys that
 * mean something to JavaScript. Anchors and aliases are allowed in small numbers.
 * The caller must: check the shape of the value (schema.ts). Objects have no prototype.
 */
import {
  Composer,
  type CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  type ParsedNode,
  Parser,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { backtick, type Mistake } from './mistakes.ts';
import type { Place } from './policy.ts';
import { atOnce, type Slices } from './slices.ts';

/** Parsing costs about 1 s for a MiB; Kubernetes refuses ConfigMaps above 1 MiB. */
export const MAX_FILE_BYTES = 1024 * 1024;
/** The deepest policy has 7 levels. */
export const MAX_DEPTH = 32;
/** More is a bomb or a program; `defaults` and `pinGroups` serve the purpose. */
export const MAX_ALIASES = 100;
/** Values that aliases may repeat, all together. */
const MAX_ALIASED_VALUES = 10_000;
/** Nobody reads more, and a hostile file could hold one for every byte. */
export const MAX_MISTAKES = 200;

/** Syntax errors cascade: what follows the first few is noise. */
const MAX_SYNTAX_MISTAKES = 20;
/** Lexemes between two chances to pause: below a millisecond. */
const LEXEMES_A_SLICE = 256;
/** Maps with more keys than this get an index for finding places. */
const SMALL_MAP = 16;

export type YamlPath = readonly (string | number)[];

export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  /** Where a path was written; a path that is not there answers with the nearest parent that is. */
  place(path: YamlPath, at?: 'key' | 'value'): Place;
}

/** Everything but text: C0 and C1 controls, bidirectional overrides, U+FFFD (which stands for bytes that are not UTF-8). */
const FORBIDDEN = /[^\t\n\r\x20-\x7e\u00a0-\u2029\u202f-\u2065\u206a-\ufffc\ufffe-\u{10ffff}]/u;
const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Like Loaded; `partial` is there when the text is YAML and only some values are refused, to find more mistakes in it. */
export type ReadYaml =
  | { readonly ok: true; readonly value: YamlFile; readonly warnings: readonly Mistake[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[]; readonly partial: YamlFile | null };

/** Never throws; refusals carry every mistake up to MAX_MISTAKES. */
export function readYaml(text: string, file: string): ReadYaml {
  return atOnce(readYamlInSlices(text, file));
}

/** The same, with chances to pause while the text is parsed, which is two thirds of the time. */
export function* readYamlInSlices(text: string, file: string): Slices<ReadYaml> {
  const early = refuseEarly(text, file);
  if (early !== null) {
    return { ok: false, mistakes: [early], partial: null };
  }
  const document = yield* parse(text);
  const reader = new Reader(file, linesOf(text));
  for (const error of document.errors.slice(0, MAX_SYNTAX_MISTAKES)) {
    reader.say(error.pos[0], ...syntaxWords(error.code, error.message));
  }
  const { contents } = document;
  if (reader.mistakes.length > 0) {
    return { ok: false, mistakes: reader.mistakes, partial: null };
  }
  const value = reader.read(contents, 0);
  if (contents === null || value === null || !isMap(contents)) {
    const why = value === null ? 'the file is empty' : 'the top of the file is not a map';
    if (reader.mistakes.length === 0) {
      reader.say(contents?.range?.[0] ?? 0, why, 'start with `version: 1`');
    }
    return { ok: false, mistakes: reader.mistakes, partial: null };
  }
  const yaml: YamlFile = { file, value, place: (path, at) => reader.place(contents, path, at) };
  return reader.mistakes.length > 0
    ? { ok: false, mistakes: reader.mistakes, partial: yaml }
    : { ok: true, value: yaml, warnings: [] };
}

interface Parsed {
  readonly contents: Node | null;
  /** Errors and warnings. */
  readonly errors: readonly {
    readonly pos: readonly [number, number];
    readonly code: string;
    readonly message: string;
  }[];
}

/** `parseDocument` of the package, which reads all in one go, from its own parts. */
function* parse(text: string): Slices<Parsed> {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    lexemes += 1;
    if (lexemes % LEXEMES_A_SLICE === 0) yield;
  }
  tokens.push(...parser.end());
  yield;
  const composer = new Composer<ParsedNode>({
    // Compared in pairs by the package, which takes minutes for a map of 100,000 keys; done in `readMap`.
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    merge: false,
    logLevel: 'error',
  });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) return { contents: null, errors: [] };
  const errors = [...document.errors, ...document.warnings];
  if (second === undefined) return { contents: document.contents, errors };
  const extra = { pos: [second.range[0], second.range[1]] as const, code: 'MULTIPLE_DOCS', message: '' };
  return { contents: document.contents, errors: [...errors, extra] };
}

/** Counted here: the parser of the package forgets line ends where it is surprised. */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return lines;
}

/** What is refused before the parser sees it. */
function refuseEarly(text: string, file: string): Mistake | null {
  const refuse = (line: number, column: number, message: string, hint: string): Mistake => ({
    place: { file, line, column },
    message,
    hint,
    severity: 'error',
  });
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    return refuse(1, 1, `the file is larger than ${MAX_FILE_BYTES} bytes`, 'split it into several files');
  }
  const forbidden = FORBIDDEN.exec(text);
  if (forbidden !== null) {
    const before = text.slice(0, forbidden.index);
    const line = before.split('\n').length;
    const code = forbidden[0].charCodeAt(0).toString(16).padStart(4, '0').toUpperCase();
    const what = code === 'FFFD' ? 'the file is not UTF-8' : `character U+${code} is not allowed`;
    return refuse(line, forbidden.index - before.lastIndexOf('\n'), what, 'save the file as plain UTF-8 text');
  }
  let line = 0;
  for (const content of text.split('\n')) {
    line += 1;
    if (content.startsWith('%') || content.startsWith('\ufeff%')) {
      return refuse(line, 1, 'directives are not allowed', 'remove the line; the language is always YAML 1.2');
    }
    if (content.startsWith('---')) {
      break;
    }
  }
  return null;
}

function syntaxWords(code: string, message: string): [message: string, hint: string] {
  if (code === 'MULTIPLE_DOCS') {
    return ['the file holds several documents', 'keep one document a file'];
  }
  if (code === 'RESOURCE_EXHAUSTION') {
    return [`values are nested deeper than ${MAX_DEPTH} levels`, 'flatten the file'];
  }
  const firstLine = message.split('\n')[0] ?? message;
  return [firstLine.charAt(0).toLowerCase() + firstLine.slice(1), 'correct the YAML'];
}

class Reader {
  readonly mistakes: Mistake[] = [];
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Node, Node>();
  readonly #indexes = new Map<YAMLMap, Map<unknown, Pair>>();
  readonly #said = new Set<number>();
  #aliases = 0;
  #aliasedValues = 0;
  #insideAlias = 0;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  /** The first mistake at an offset is the cause; what follows there is its echo. */
  say(offset: number, message: string, hint: string): void {
    if (this.mistakes.length < MAX_MISTAKES && !this.#said.has(offset)) {
      this.#said.add(offset);
      this.mistakes.push({ place: this.#at(offset), message, hint, severity: 'error' });
    }
  }

  #at(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return Object.freeze({ file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1) });
  }

  read(node: Node | null | undefined, depth: number): unknown {
    if (node === null || node === undefined) {
      return null;
    }
    const offset = node.range?.[0] ?? 0;
    if (depth > MAX_DEPTH) {
      this.say(offset, `values are nested deeper than ${MAX_DEPTH} levels`, 'flatten the file');
      return null;
    }
    if (this.#insideAlias > 0) {
      this.#aliasedValues += 1;
      if (this.#aliasedValues > MAX_ALIASED_VALUES) {
        if (this.#aliasedValues === MAX_ALIASED_VALUES + 1) {
          this.say(offset, `aliases repeat more than ${MAX_ALIASED_VALUES} values`, 'use `defaults` and `pinGroups`');
        }
        return null;
      }
    }
    if (isAlias(node)) {
      return this.#readAlias(node, node.source, offset, depth);
    }
    if (node.tag !== undefined) {
      this.say(offset, `tag ${backtick(String(node.tag))} is not allowed`, 'remove the tag');
      return null;
    }
    if ('anchor' in node && typeof node.anchor === 'string') {
      this.#anchors.set(node.anchor, node);
    }
    if (isMap(node)) {
      return this.#readMap(node, depth);
    }
    if (isSeq(node)) {
      return node.items.map((item) => this.read(item as Node | null, depth + 1));
    }
    return isScalar(node) ? this.#readScalar(node, offset) : null;
  }

  #readAlias(node: Node, name: string, offset: number, depth: number): unknown {
    this.#aliases += this.#insideAlias > 0 ? 0 : 1;
    if (this.#aliases > MAX_ALIASES) {
      if (this.#aliases === MAX_ALIASES + 1) {
        this.say(offset, `more than ${MAX_ALIASES} aliases`, 'use `defaults` and `pinGroups`');
      }
      return null;
    }
    const target = this.#anchors.get(name);
    if (target === undefined) {
      this.say(offset, `alias ${backtick(name)} names no anchor above it`, 'define the anchor first');
      return null;
    }
    this.#targets.set(node, target);
    this.#insideAlias += 1;
    const value = this.read(target, depth + 1);
    this.#insideAlias -= 1;
    return value;
  }

  #readMap(node: YAMLMap, depth: number): Record<string, unknown> {
    const value: Record<string, unknown> = Object.create(null);
    for (const pair of node.items) {
      const key = pair.key as Node | null;
      const offset = key?.range?.[0] ?? node.range?.[0] ?? 0;
      if (!isScalar(key) || typeof key.value !== 'string' || key.tag !== undefined || key.anchor !== undefined) {
        this.say(offset, 'a key is not a plain string', 'write the key as a word, in quotes if need be');
      } else if (key.value === '<<') {
        this.say(offset, 'merge keys are not allowed', 'use `defaults`, or repeat the fields');
      } else if (PROTOTYPE_KEYS.has(key.value)) {
        this.say(offset, `unknown key ${backtick(key.value)}`, 'remove it');
      } else if (Object.hasOwn(value, key.value)) {
        this.say(offset, `duplicate key ${backtick(key.value)}`, 'keep one of them');
      } else {
        value[key.value] = this.read(pair.value as Node | null, depth + 1);
      }
    }
    return value;
  }

  #readScalar(node: Scalar, offset: number): unknown {
    const { value } = node;
    if (typeof value === 'string' && value.includes('\0')) {
      // An escape wrote it: no name, path or word has one, and the system would end the text there.
      this.say(offset, 'the text has a NUL character', 'remove it');
      return null;
    }
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) {
      return value;
    }
    if (typeof value === 'number' && Number.isSafeInteger(value) && node.source === String(value)) {
      return value;
    }
    this.say(
      offset,
      `number ${backtick(node.source ?? 'here')} is not written as a plain decimal integer`,
      'write it in decimal, or in quotes if it is a text',
    );
    return null;
  }

  place(contents: Node | null, path: YamlPath, at: 'key' | 'value' = 'value'): Place {
    let node = contents;
    let offset = contents?.range?.[0] ?? 0;
    for (const [index, step] of path.entries()) {
      node = node === null ? null : (this.#targets.get(node) ?? node);
      const last = index === path.length - 1;
      if (isMap(node)) {
        const pair = this.#pair(node, step);
        if (pair === undefined) {
          break;
        }
        const next = last && at === 'key' ? pair.key : (pair.value ?? pair.key);
        node = next as Node | null;
      } else if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
        node = node.items[step] as Node | null;
      } else {
        break;
      }
      offset = node?.range?.[0] ?? offset;
    }
    return this.#at(offset);
  }

  #pair(map: YAMLMap, step: string | number): Pair | undefined {
    if (map.items.length <= SMALL_MAP) {
      return map.items.find(({ key }) => isScalar(key) && key.value === step);
    }
    let index = this.#indexes.get(map);
    if (index === undefined) {
      index = new Map();
      for (const pair of map.items.toReversed()) {
        if (isScalar(pair.key)) {
          index.set(pair.key.value, pair);
        }
      }
      this.#indexes.set(map, index);
    }
    return index.get(step);
  }
}
