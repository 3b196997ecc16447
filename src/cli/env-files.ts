/**
 * The files that variables of clients point to, in the state directory.
 *
 * Does: `ca-bundle.pem` = the system's roots and ours, for clients whose variable replaces their roots; `ca-only.pem` =
 * ours, for those that add; a copy of Java's key store with ours in it.
 * Does not: leave a client with our CA alone as its only root: then nothing that goes past the proxy would work.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  FileError,
  listDirectory,
  makeDirectory,
  pathExists,
  readBytes,
  readText,
  remove,
  writeAtomic,
} from '../host/files.ts';
import { readSystemAnchors } from '../runtime/trust-files.ts';
import { parsePublicAnchors } from '../runtime/trust-loader.ts';
import { type CaCertificate, pemOf } from './installation.ts';
import { javaStoreFile, javaStores } from './stores/java.ts';
import type { Machine } from './stores/machine.ts';
import { CommandError } from './usage.ts';

const PUBLIC_ANCHORS_FILE = fileURLToPath(new URL('../../config/anchors/public.json', import.meta.url));
const MAX_ANCHOR_BYTES = 8 * 1024 * 1024;

export interface ClientFiles {
  /** Roots of the system and ours. */
  readonly bundle: string;
  /** Where the roots in it come from. */
  readonly roots: 'system' | 'public';
  /** Ours alone. */
  readonly only: string;
  /** Key store for Java; null: there is no Java here. */
  readonly java: string | null;
}

/** @throws CommandError */
export function writeClientFiles(state: string, cas: readonly CaCertificate[], machine: Machine): ClientFiles {
  try {
    makeDirectory(state);
    const ours = cas.map(({ pem }) => pem).join('');
    const system = readSystemAnchors();
    const bundle = join(state, 'ca-bundle.pem');
    const only = join(state, 'ca-only.pem');
    writeAtomic(bundle, `${system ?? publicAnchors()}\n${ours}`, 0o644);
    writeAtomic(only, ours, 0o644);
    return { bundle, roots: system === null ? 'public' : 'system', only, java: writeJavaStore(state, cas, machine) };
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    throw new CommandError(thrown.message, 'run it as the user that may write to the state directory');
  }
}

function publicAnchors(): string {
  const { set } = parsePublicAnchors(readText(PUBLIC_ANCHORS_FILE, MAX_ANCHOR_BYTES));
  return set.anchors.map(({ certificate }) => pemOf(certificate.der.bytes)).join('');
}

const JAVA_STORE = /^java-[0-9a-f]{16}\.truststore$/;

/** Named by what is in it, since keytool takes seconds: made once for each store and CA. */
function writeJavaStore(state: string, cas: readonly CaCertificate[], machine: Machine): string | null {
  const source = javaStoreFile(machine);
  const [store] = javaStores(machine);
  if (source === null || store === undefined) return null;
  const bytes = readBytes(source, MAX_ANCHOR_BYTES);
  const hash = createHash('sha256').update(bytes);
  for (const { certificate } of cas) hash.update(certificate.der.sha256);
  const name = `java-${hash.digest('hex').slice(0, 16)}.truststore`;
  const file = join(state, name);
  if (pathExists(file)) return file;
  const draft = `${file}.tmp`;
  writeAtomic(draft, bytes, 0o644);
  for (const { file: caFile, certificate } of cas) {
    const [step] = store.install({ file: caFile, pem: '', sha256: certificate.der.sha256 });
    if (step?.kind !== 'run') return null;
    const at = step.args.indexOf(source);
    if (!machine.run(step.command, step.args.with(at, draft)).ok) {
      remove(draft);
      return null;
    }
  }
  writeAtomic(file, readBytes(draft, MAX_ANCHOR_BYTES), 0o644);
  for (const other of listDirectory(state) ?? []) {
    if (other !== name && (JAVA_STORE.test(other) || other === `${name}.tmp`)) remove(join(state, other));
  }
  return file;
}
