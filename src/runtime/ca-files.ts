/**
 * The CA's two files: made on the first start when the configuration allows it, read and refused when others could
 * read the key.
 *
 * Does not: overwrite anything, or use half a pair. An image must say `create: never`, so that a CA is never baked in.
 */
import { dirname } from 'node:path';
import { FileError, fileFacts, makeDirectory, pathExists, readText, writeNew } from '../host/files.ts';
import { CaError, createCa, loadCa, type MintingCa } from '../minting/ca.ts';
import type { CaConfig } from '../policy/config.ts';
import type { CaMaterial } from './messages.ts';

export interface LoadedCa {
  readonly ca: MintingCa;
  readonly material: CaMaterial;
  readonly certificateFile: string;
  /** Made just now: nothing trusts it yet. */
  readonly created: boolean;
}

/** The CA cannot be used; `message` is for the operator. */
export class CaFileError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CaFileError';
  }
}

/** A chain with an RSA-4096 root stays far below. */
const MAX_PEM_BYTES = 256 * 1024;
/** A year at most (REQ-28 of the threat model). */
const CA_DAYS = 365;
/** Group and others. */
const SHARED_BITS = 0o077;
/** The same without the group's reading. */
const HANDED_BITS = 0o037;

/** @throws CaFileError */
export function openCa(config: CaConfig, nowMs: number, ownUid: number | null): LoadedCa {
  try {
    const created = createIfMissing(config, nowMs);
    refuseShared(config.keyFile, ownUid);
    const material = {
      certificatePem: readText(config.certificateFile, MAX_PEM_BYTES),
      keyPem: readText(config.keyFile, MAX_PEM_BYTES),
    };
    const ca = loadCa(material.certificatePem, material.keyPem, nowMs);
    return { ca, material, certificateFile: config.certificateFile, created };
  } catch (thrown) {
    if (thrown instanceof FileError || thrown instanceof CaError) {
      throw new CaFileError(`the CA cannot be used: ${thrown.message}`, thrown);
    }
    throw thrown;
  }
}

function createIfMissing({ certificateFile, keyFile, create }: CaConfig, nowMs: number): boolean {
  const [certificate, key] = [pathExists(certificateFile), pathExists(keyFile)];
  if (certificate && key) return false;
  if (certificate || key) {
    const [there, missing] = certificate ? [certificateFile, keyFile] : [keyFile, certificateFile];
    throw new CaFileError(`${there} is there but ${missing} is not; a CA is never made over half of another one`);
  }
  if (create === 'never') {
    throw new CaFileError(`${keyFile} is missing and ca.create is \`never\`; mount a CA or make one with \`init\``);
  }
  const made = createCa({ commonName: 'Pinwarden CA', nowMs, days: CA_DAYS });
  for (const file of [keyFile, certificateFile]) makeDirectory(dirname(file));
  writeNew(keyFile, made.keyPem, 0o600);
  writeNew(certificateFile, made.certificatePem, 0o644);
  return true;
}

/**
 * Root may hand the key to an unprivileged user through a group: so do Kubernetes (a Secret under `fsGroup`) and systemd
 * (`LoadCredential`), both as root's file with mode 0440, and neither can do it otherwise.
 */
function refuseShared(keyFile: string, ownUid: number | null): void {
  const { mode, uid } = fileFacts(keyFile);
  const isHanded = uid === 0 && ownUid !== null && ownUid !== 0;
  if ((mode & (isHanded ? HANDED_BITS : SHARED_BITS)) !== 0) {
    throw new CaFileError(
      `${keyFile} may be read or written by others (mode ${mode.toString(8)}); run: chmod 600 ${keyFile}`,
    );
  }
  if (ownUid !== null && uid !== ownUid && uid !== 0) {
    throw new CaFileError(`${keyFile} belongs to user ${uid}, not to the user that runs the proxy (${ownUid})`);
  }
}
