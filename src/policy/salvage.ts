/**
 * What is left of a value that the schema refuses, so that one mistake does not hide others.
 *
 * Does: takes out what the issues speak of and nothing else; a map or list falls with its part only when it means nothing
 * without it. Says which fields were written and are lost: nothing may be concluded from their absence.
 * The caller must: use the rest only to look for more mistakes, and translate its places (Notes.shift): entries of lists
 * move up when one before them is taken out.
 */
import { type Issue, meantBranch, valueAt } from './issues.ts';
import { closest } from './mistakes.ts';
import type { Shape } from './schema.ts';
import { MAX_DEPTH, type YamlPath } from './yaml.ts';

/** A list that lost entries, by its path as written → the places that its entries had. */
export type Shifts = ReadonlyMap<string, readonly number[]>;

export interface Salvage<T> {
  readonly value: T;
  readonly shifts: Shifts;
}

/** `check`: the schema. Null: nothing sensible is left. Never throws. */
export function salvage<T>(check: (value: unknown) => Shape<T>, value: unknown): Salvage<T> | null {
  const faults = newFault();
  let rest: unknown = value;
  let shifts: Shifts = new Map();
  // Every round takes out what does without what the round before took out, at most up to the top.
  for (let round = 0; round <= MAX_DEPTH; round += 1) {
    const shape = check(rest);
    if (shape.ok) return { value: shape.value, shifts };
    for (const issue of shape.issues) {
      for (const path of faultyPaths(issue, [], rest)) mark(faults, asWritten(path, shifts));
    }
    if (faults.isGone) return null;
    const moved = new Map<string, readonly number[]>();
    rest = without(value, [], faults, moved);
    shifts = moved;
  }
  return null;
}

/** What is wrong, as a tree over the value: a part without a branch is untouched. */
interface Fault {
  isGone: boolean;
  readonly below: Map<string | number, Fault>;
}

function newFault(): Fault {
  return { isGone: false, below: new Map() };
}

function mark(faults: Fault, path: YamlPath): void {
  let at = faults;
  for (const step of path) {
    const next = at.below.get(step) ?? newFault();
    at.below.set(step, next);
    at = next;
  }
  at.isGone = true;
}

export function pathKey(path: YamlPath): string {
  return JSON.stringify(path);
}

/** A path in what is left, as it was written. */
export function asWritten(path: YamlPath, shifts: Shifts): YamlPath {
  if (shifts.size === 0) return path;
  const written: (string | number)[] = [];
  for (const step of path) {
    written.push(typeof step === 'number' ? (shifts.get(pathKey(written))?.[step] ?? step) : step);
  }
  return written;
}

function faultyPaths(issue: Issue, parent: YamlPath, value: unknown): readonly YamlPath[] {
  const path: YamlPath = [...parent, ...issue.path.filter((step): step is string | number => typeof step !== 'symbol')];
  if (issue.code === 'unrecognized_keys') return (issue.keys ?? []).map((key) => [...path, key]);
  const branch = issue.code === 'invalid_union' ? meantBranch(issue) : null;
  if (branch !== null) return branch.flatMap((inner) => faultyPaths(inner, path, value));
  // What is missing cannot be taken out; what lacks it can.
  return [valueAt(value, path) === undefined ? path.slice(0, -1) : path];
}

function without(value: unknown, path: YamlPath, { below }: Fault, shifts: Map<string, readonly number[]>): unknown {
  if (typeof value !== 'object' || value === null || below.size === 0) return value;
  const keeps = (step: string | number): boolean => below.get(step)?.isGone !== true;
  const part = (step: string | number, inner: unknown): unknown => {
    const fault = below.get(step);
    return fault === undefined ? inner : without(inner, [...path, step], fault, shifts);
  };
  if (Array.isArray(value)) {
    const kept = [...value.keys()].filter(keeps);
    if (kept.length < value.length) shifts.set(pathKey(path), kept);
    return kept.map((index) => part(index, value[index]));
  }
  const rest: Record<string, unknown> = Object.create(null);
  for (const [key, inner] of Object.entries(value)) {
    if (keeps(key)) rest[key] = part(key, inner);
  }
  return rest;
}

/**
 * Fields under `path` that were written and are not whole: those that the issues speak of, and those that an unknown key
 * probably meant. `allowed`: the fields that there are.
 */
export function lostFields(issues: readonly Issue[], path: YamlPath, allowed: readonly string[]): ReadonlySet<string> {
  const lost = new Set<string>();
  for (const issue of issues.flatMap(ofMeantBranch)) {
    if (!path.every((step, index) => issue.path[index] === step)) continue;
    const field = issue.path[path.length];
    if (typeof field === 'string') lost.add(field);
    if (field !== undefined) continue;
    for (const key of issue.keys ?? []) {
      const meant = closest(key, allowed);
      if (meant !== null) lost.add(meant);
    }
  }
  return lost;
}

/** Of a union the issues of the branch that was meant, with their whole paths. */
function ofMeantBranch(issue: Issue): readonly Issue[] {
  const branch = issue.code === 'invalid_union' ? meantBranch(issue) : null;
  if (branch === null) return [issue];
  return branch.flatMap((inner) => ofMeantBranch({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** A map that passes for one of our files, whatever it says of its version; everything else as it is. */
export function withVersion(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.assign(Object.create(null), value, { version: 1 });
}
