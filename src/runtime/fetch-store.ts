/**
 * The disk cache of the fetcher: one file for each URL in `fetched/` of the state directory.
 *
 * Does not: believe what it reads; the fetcher accepts it anew. A directory that cannot be used costs the memory of a
 * restart and nothing else.
 */
import { join } from 'node:path';
import { FileError, listDirectory, makeDirectory, readText, remove, writeAtomic } from '../host/files.ts';
import { MAX_CRL_BYTES } from '../pki/crl/parse.ts';
import type { FetchStore, Stored } from './fetcher.ts';

const DIRECTORY = 'fetched';
const NAME = /^[0-9a-f]{64}\.json$/;
/** A CRL in base64, and a certificate beside it. */
const MAX_FILE_BYTES = 2 * MAX_CRL_BYTES;
const FORMAT = 1;

/** `log`: one line for the operator, once. */
export function createFetchStore(state: string, log: (line: string) => void): FetchStore {
  const directory = join(state, DIRECTORY);
  let told = false;
  const attempt = <T>(work: () => T, otherwise: T): T => {
    try {
      return work();
    } catch (thrown) {
      if (!(thrown instanceof FileError)) throw thrown;
      if (!told && thrown.why !== 'missing') log(`state: what was fetched is not kept: ${thrown.message}`);
      told ||= thrown.why !== 'missing';
      return otherwise;
    }
  };
  return {
    load: () => {
      const names = attempt(() => listDirectory(directory) ?? [], []).filter((name) => NAME.test(name));
      return names.flatMap((name) => attempt(() => parse(readText(join(directory, name), MAX_FILE_BYTES)), []));
    },
    save: (name, stored) =>
      attempt(() => {
        makeDirectory(directory);
        writeAtomic(join(directory, `${name}.json`), print(stored), 0o600);
      }, undefined),
    remove: (name) => attempt(() => remove(join(directory, `${name}.json`)), undefined),
  };
}

function print({ wanted, bytes }: Stored): string {
  const certificate = Buffer.from(wanted.certificate).toString('base64');
  return `${JSON.stringify({ format: FORMAT, kind: wanted.kind, url: wanted.url, certificate, bytes: bytes.toString('base64') })}\n`;
}

function parse(text: string): readonly Stored[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  if (typeof value !== 'object' || value === null) return [];
  const { format, kind, url, certificate, bytes } = value as Readonly<Record<string, unknown>>;
  if (format !== FORMAT || (kind !== 'crl' && kind !== 'issuer') || typeof url !== 'string') return [];
  if (typeof certificate !== 'string' || typeof bytes !== 'string') return [];
  return [
    { wanted: { kind, url, certificate: Buffer.from(certificate, 'base64') }, bytes: Buffer.from(bytes, 'base64') },
  ];
}
