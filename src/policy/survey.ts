/**
 * What can still be said of files of which some are broken, so that one run of `check` names every mistake.
 *
 * Does: names, clients and hosts over all rules that can be read, those of broken files too.
 * Does not: answer a policy that could run. A reload does not ask here: between files it blames none that is right.
 */
import { assembleRemains, type Gaps } from './assemble.ts';
import type { Config } from './config.ts';
import type { FileMemory } from './file-memory.ts';
import { loadGroups, textsSha256 } from './load.ts';
import { byPlace, compareText, type Mistake } from './mistakes.ts';
import type { Place, Policy } from './policy.ts';
import type { PolicyFile } from './policy-file.ts';
import { atOnce } from './slices.ts';
import type { PolicySource, TextFile } from './sources.ts';

export interface Survey {
  /** Of all rules that can be read; only to look for more mistakes. Null: shipped groups are broken. */
  readonly policy: Policy | null;
  readonly gaps: Gaps;
  readonly mistakes: readonly Mistake[];
}

/** `gaps`: what the configuration lacks. `memory`: the files that were read already. Never throws. */
export function surveyPolicy(
  sources: readonly PolicySource[],
  config: Config,
  gaps: Pick<Gaps, 'config' | 'hasClients'>,
  shippedGroups: readonly TextFile[],
  memory: FileMemory,
): Survey {
  const faulty = new Map<Place, ReadonlySet<string>>();
  const groups = loadGroups(shippedGroups);
  if (!groups.ok) return { policy: null, gaps: { ...gaps, faulty }, mistakes: groups.mistakes };
  const files: PolicyFile[] = [];
  const mistakes: Mistake[] = [];
  for (const source of sources.toSorted((left, right) => compareText(left.file, right.file))) {
    const read = atOnce(memory.read(source, groups.value, textsSha256(shippedGroups), config.anchors));
    if (read.ok) {
      files.push(read.value);
      mistakes.push(...read.warnings);
      continue;
    }
    mistakes.push(...read.mistakes);
    if (read.remains === null) continue;
    files.push(read.remains);
    for (const [place, lost] of read.remains.faulty) faulty.set(place, lost);
  }
  const all: Gaps = { ...gaps, faulty };
  const { policy, mistakes: between } = assembleRemains(files, config, all);
  return { policy, gaps: all, mistakes: [...mistakes, ...between].toSorted(byPlace) };
}
