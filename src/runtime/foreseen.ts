/**
 * What a proxy would refuse of files that are right in themselves, because its last good generation asked for more.
 *
 * Does: read that generation from the state directory, and compare as a start and a reload do.
 * Does not: change anything there, or speak where it cannot be read or does not compile any more.
 */
import type { Config } from '../policy/config.ts';
import { loadConfig, loadPolicy, type TextFile } from '../policy/load.ts';
import { type Mistake, wholeFile } from '../policy/mistakes.ts';
import type { Place, Policy } from '../policy/policy.ts';
import { UNMATCHED } from '../policy/policy-file.ts';
import { type Weakening, weakenings } from '../policy/weakening.ts';
import { loadLastGood } from './last-good.ts';
import { sourcesUnder } from './sources.ts';

/** Warnings: no other generation may ever have run where the files go to. `nowMs`: milliseconds since the epoch. */
export function foreseenRefusals(
  config: Config,
  policy: Policy,
  shippedGroups: readonly TextFile[],
  nowMs: number,
): readonly Mistake[] {
  const lastGood = loadLastGood(config.state);
  if (lastGood === null) return [];
  const then = loadConfig(lastGood.config.text, lastGood.config.file);
  const before = then.ok ? then.value : config;
  const old = loadPolicy(sourcesUnder(before, lastGood.sources), before, shippedGroups);
  if (!old.ok) return [];
  return weakenings(old.value, policy, nowMs).map((weakening): Mistake => {
    const { message, hint } = weakening;
    const place = placeOf(weakening, old.value, policy, config);
    const says = `the proxy would refuse this beside its last good generation (${lastGood.number}): ${message}`;
    return { place, message: says, ...(hint !== undefined && { hint }), severity: 'warning' };
  });
}

/** Of what is gone the lines are those of then, so the file is named as a whole. */
function placeOf({ rule, what, place }: Weakening, old: Policy, next: Policy, config: Config): Place {
  const { unmatched } = old;
  if (rule === UNMATCHED && what === 'anchors' && next.anchorsPlace === null) return wholeFile(config.file);
  const before = rule === UNMATCHED && unmatched.action === 'judge' ? unmatched.rule : old.byName.get(rule);
  return place === before?.place ? wholeFile(place.file) : place;
}
