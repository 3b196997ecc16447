/**
 * Compiled policy files by what they were compiled from, so that a reload reads only the files that changed: a file of
 * 1 MiB takes about a second, and 100,000 rules are a dozen of them.
 *
 * Does: forget what the load before did not ask for.
 * Does not: change an answer; without a memory every file is read anew.
 */
import { createHash } from 'node:crypto';
import type { PinGroups } from './pin-groups.ts';
import { type AnchorsChoice, anchorsKey } from './policy.ts';
import { type ReadPolicyFile, readPolicyFileInSlices } from './policy-file.ts';
import type { Slices } from './slices.ts';
import type { PolicySource } from './sources.ts';

export interface FileMemory {
  /** `groupsSha256` names `groups`. */
  read(source: PolicySource, groups: PinGroups, groupsSha256: string, anchors: AnchorsChoice): Slices<ReadPolicyFile>;
  /** Ends a load. */
  turn(): void;
}

export function createFileMemory(): FileMemory {
  let before = new Map<string, ReadPolicyFile>();
  let now = new Map<string, ReadPolicyFile>();
  return {
    *read(source, groups, groupsSha256, anchors) {
      const { file, text, owner, mayMatch, mayNot } = source;
      const bounds = mayMatch?.map((pattern) => pattern.text) ?? null;
      const setting = JSON.stringify([file, owner, bounds, mayNot, groupsSha256, anchorsKey(anchors)]);
      const key = createHash('sha256').update(setting).update('\0').update(text).digest('hex');
      const answer = now.get(key) ?? before.get(key) ?? (yield* readPolicyFileInSlices(source, groups, anchors));
      now.set(key, answer);
      return answer;
    },
    turn() {
      before = now;
      now = new Map();
    },
  };
}
