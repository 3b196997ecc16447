/**
 * What is wrong with the files that trust is built from, each at the place where it is named.
 *
 * Does: read and parse every file on its own, by the loaders of the start, so that all mistakes come at once.
 * Does not: look at what ships or at the system's store, nor at the age of a log list.
 */
import { FileError } from '../host/files.ts';
import type { Config } from '../policy/config.ts';
import { byPlace, type Mistake, wholeFile } from '../policy/mistakes.ts';
import type { AnchorsChoice, Place } from '../policy/policy.ts';
import { loadCrls, TrustError } from './crl-loader.ts';
import { readAnchorFile, readCrl, readLogList, readSigned } from './trust-files.ts';
import { parseList, parseNamed } from './trust-loader.ts';

/** `choices`: those of the configuration and of rules (`anchorChoices`). Empty: a start would take the files. */
export function trustMistakes(config: Config, choices: readonly AnchorsChoice[]): readonly Mistake[] {
  const { ct, crl, publicAnchors, intermediates } = config;
  const places = placesOf(config, choices);
  const anchors = choices.flatMap((choice) => (typeof choice === 'string' ? [] : choice.files));
  const found = new Map<string, Mistake>();
  const look = (file: string, work: () => void): void => {
    try {
      work();
    } catch (thrown) {
      if (!(thrown instanceof FileError) && !(thrown instanceof TrustError)) throw thrown;
      const named = thrown instanceof FileError ? thrown.file : file;
      const place = places.get(named) ?? wholeFile(config.file);
      if (!found.has(named))
        found.set(named, {
          place,
          message: thrown.message,
          hint: 'correct the file, or name another one',
          severity: 'error',
        });
    }
  };
  for (const file of new Set([...anchors, ...(publicAnchors ?? []), ...intermediates])) {
    look(file, () => {
      const { text } = readAnchorFile(file);
      parseNamed(file, text);
    });
  }
  for (const file of crl.files) look(file, () => loadCrls([readCrl(file)]));
  const { logList, signed } = ct;
  const parts = signed === null ? [] : [signed.keyFile, signed.signatureFile];
  for (const file of parts) look(file, () => readSigned(file));
  const isWhole = !parts.some((file) => found.has(file));
  if (logList !== null && isWhole) look(logList, () => parseList(readLogList(ct), null));
  return [...found.values()].toSorted(byPlace);
}

/** Of a file that is named twice the place in pinwarden.yaml. */
function placesOf({ places }: Config, choices: readonly AnchorsChoice[]): ReadonlyMap<string, Place> {
  const found = new Map(places);
  for (const choice of choices) {
    if (typeof choice === 'string') continue;
    for (const [index, file] of choice.files.entries()) {
      const place = choice.places?.[index];
      if (place !== undefined && !found.has(file)) found.set(file, place);
    }
  }
  return found;
}
