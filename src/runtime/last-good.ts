/**
 * The last good generation, kept in the state directory: what a broken file falls back to after a restart.
 *
 * The file is ours, but it lies on a disk: it is read like anything else, and when it is not whole it counts as absent.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { FileError, makeDirectory, readText, writeAtomic } from '../host/files.ts';
import type { TextFile } from '../policy/load.ts';

export interface LastGood {
  readonly number: number;
  readonly config: TextFile;
  readonly sources: readonly TextFile[];
  /** Timestamp of the CT log list that was in use, milliseconds since the epoch; absent: there was none. */
  readonly logListMs?: number;
}

const NAME = 'last-good.json';
const FORMAT = 1;
/** The policy files with their JSON escapes. */
const MAX_BYTES = 64 * 1024 * 1024;

/** @throws FileError */
export function saveLastGood(state: string, { number, config, sources, logListMs }: LastGood): void {
  const content = JSON.stringify({
    number,
    logListMs,
    config: { file: config.file, text: config.text },
    sources: sources.map(({ file, text }) => ({ file, text })),
  });
  makeDirectory(state);
  writeAtomic(join(state, NAME), `${JSON.stringify({ format: FORMAT, sha256: digest(content), content })}\n`, 0o600);
}

/** Null: there is none, or what is there is not whole. */
export function loadLastGood(state: string): LastGood | null {
  try {
    const envelope: unknown = JSON.parse(readText(join(state, NAME), MAX_BYTES));
    if (!isRecord(envelope) || envelope['format'] !== FORMAT || typeof envelope['content'] !== 'string') return null;
    if (envelope['sha256'] !== digest(envelope['content'])) return null;
    const value: unknown = JSON.parse(envelope['content']);
    return isLastGood(value) ? value : null;
  } catch (thrown) {
    if (thrown instanceof FileError || thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

function digest(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isTextFile(value: unknown): value is TextFile {
  return isRecord(value) && typeof value['file'] === 'string' && typeof value['text'] === 'string';
}

function isLastGood(value: unknown): value is LastGood {
  if (!isRecord(value) || typeof value['number'] !== 'number' || !Number.isSafeInteger(value['number'])) return false;
  if (value['logListMs'] !== undefined && !Number.isSafeInteger(value['logListMs'])) return false;
  return isTextFile(value['config']) && Array.isArray(value['sources']) && value['sources'].every(isTextFile);
}
