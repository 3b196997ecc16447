/**
 * The files of the CA and of the next one: made on the first start when the configuration allows it, read, and refused
 * when others could read a key or when what they hold cannot sign. The one place where a CA is verified.
 *
 * Does: answer a whole set of CAs or none: what was in use goes on until all of the new one is right.
 * Does not: overwrite anything, or use half a pair. An image must say `create: never`, so that a CA is never baked in.
 */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { FileError, type FileFacts, fileFacts, makeDirectory, pathExists, readText, writeNew } from '../host/files.ts';
import { CaError, createCa, loadCa } from '../minting/ca.ts';
import { type Chain, readChain } from '../minting/chain.ts';
import { type Signer, type Signers, signerAt } from '../minting/signer.ts';
import { parsePem, printPem } from '../pki/x509/pem.ts';
import type { CaConfig, CaFiles } from '../policy/config.ts';
import { printDate } from '../policy/dates.ts';
import type { CaMaterial, CaPairMaterial } from './messages.ts';

/** One CA that can sign. */
export interface LoadedCa extends Signer {
  readonly material: CaPairMaterial;
  readonly certificateFile: string;
  /** When it or something of its chain ends, milliseconds since the epoch. */
  readonly endsMs: number;
}

/** The CAs of an installation. */
export interface LoadedCas extends Signers<LoadedCa> {
  /** PEM of those that were replaced, newest first: they still are our own. */
  readonly former: readonly string[];
  /** Names the files that they were read from, as they were then. */
  readonly digest: string;
  /** What is wrong with files that nothing depends on yet. */
  readonly complaints: readonly string[];
  /** A next CA lies there and cannot be used. */
  readonly isNextBroken: boolean;
}

/** A look at the files. */
export interface CaLook {
  /** The same as that of the look before: nothing has changed, neither files nor answer. */
  readonly digest: string;
  /** What is in force after this look. */
  readonly cas: LoadedCas;
  /** What the files say is in force, but for what is complained about. */
  readonly isTaken: boolean;
  /** Why the files are not taken, or what is wrong beside what was; empty: nothing. */
  readonly refused: readonly string[];
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
/** CAs that live a quarter of a year: those of the last year. */
const MAX_FORMER = 4;

/** One CA, made if it is missing and may be. @throws CaFileError */
export function openCa(
  config: CaFiles & Pick<CaConfig, 'create'>,
  nowMs: number,
  ownUid: number | null,
): LoadedCa & { readonly created: boolean } {
  const created = makeMissingCa(config, nowMs);
  return { ...verifyPair(readPair(config), nowMs, ownUid), created };
}

/** The next CA, valid now. @throws CaFileError when there is none or it cannot sign. */
export function openNextCa(config: CaConfig, nowMs: number, ownUid: number | null): LoadedCa {
  return verifyPair(readPair(config.next), nowMs, ownUid, nextIs(config));
}

/** Makes the CA of a first start. Answers whether it did. @throws CaFileError */
export function makeMissingCa(config: CaFiles & Pick<CaConfig, 'create'>, nowMs: number): boolean {
  const { certificateFile, keyFile, create } = config;
  return guarded('the CA', () => {
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
  });
}

/** All CAs that a configuration names. @throws CaFileError when the current one, or one that is to sign, cannot. */
export function openCas(config: CaConfig, nowMs: number, ownUid: number | null): LoadedCas {
  return verifyCas(readCas(config), config, nowMs, ownUid);
}

/** The same for a proxy that runs on `before`: what is not right leaves that in force. Throws nothing. */
export function lookAtCas(config: CaConfig, before: LoadedCas, nowMs: number, ownUid: number | null): CaLook {
  const read = readCas(config);
  if (before.digest === read.digest) return lookOf(before);
  try {
    const found = verifyCas(read, config, nowMs, ownUid);
    mustKeepSigning(before, found, config, nowMs);
    return lookOf(follow(before, found));
  } catch (thrown) {
    if (!(thrown instanceof CaFileError)) throw thrown;
    return { digest: `${read.digest} ${thrown.message}`, cas: before, isTaken: false, refused: [thrown.message] };
  }
}

/** The look at whose end these CAs are in force. */
export function lookOf(cas: LoadedCas): CaLook {
  return { digest: [cas.digest, ...cas.complaints].join(' '), cas, isTaken: true, refused: cas.complaints };
}

/** Files of the next CA that are gone mean that it was promoted, or that they were lost while it signs. @throws CaFileError */
function mustKeepSigning(
  before: LoadedCas,
  found: LoadedCas,
  { certificateFile, next }: CaConfig,
  nowMs: number,
): void {
  const { ca } = signerAt(before, nowMs);
  const isLost = found.next === null && next.signsFromMs !== null && found.current.ca.sha256 !== ca.sha256;
  if (!isLost || before.next?.ca !== ca) return;
  throw new CaFileError(
    `the next CA signs since ${printDate(next.signsFromMs)} and is neither in its files nor in ${certificateFile}; ` +
      `put ${next.certificateFile} and ${next.keyFile} back, or take ca.next.signsFrom out`,
  );
}

/** A next CA whose files broke stays known; one that was replaced is remembered as ours. */
function follow(before: LoadedCas, found: LoadedCas): LoadedCas {
  const isKept = found.isNextBroken && before.next?.ca.sha256 !== found.current.ca.sha256;
  const next = isKept && before.next !== null ? { ...before.next, signsFromMs: null } : found.next;
  const known = [found.current, ...(next === null ? [] : [next])].map(({ ca }) => ca.certificatePem);
  const former = [...found.former, ...ownCertificates(before)].filter((pem) => !known.includes(pem));
  return Object.freeze({ ...found, next, former: [...new Set(former)].slice(0, MAX_FORMER) });
}

/** PEM of every certificate that is ours: no upstream may show one of them. */
export function ownCertificates({ current, next, former }: LoadedCas): readonly string[] {
  return [...[current, next].flatMap((one) => (one === null ? [] : [one.ca.certificatePem])), ...former];
}

/** What workers sign with. */
export function caMaterialOf({ current, next }: LoadedCas): CaMaterial {
  return {
    current: current.material,
    next: next === null ? null : { ...next.material, signsFromMs: next.signsFromMs },
  };
}

/** The directories whose changes matter. */
export function caDirectories({ certificateFile, keyFile, chainFile, next }: CaConfig): readonly string[] {
  const files = [certificateFile, keyFile, chainFile, next.certificateFile, next.keyFile, next.chainFile];
  return files.flatMap((file) => (file === null ? [] : [dirname(file)]));
}

// Reading: nothing is thrown, so that what is missing counts as what lies there.

interface ReadPair {
  readonly files: CaFiles;
  readonly certificate: string | FileError;
  readonly key: string | FileError;
  readonly keyFacts: FileFacts | FileError;
  readonly chain: string | FileError | null;
}

interface ReadCas {
  readonly current: ReadPair;
  readonly next: ReadPair;
  readonly previous: string | FileError;
  readonly digest: string;
}

function readCas(config: CaConfig): ReadCas {
  const current = readPair(config);
  const next = readPair(config.next);
  const previous = attempt(() => readText(config.previousCertificateFile, MAX_PEM_BYTES));
  const { create: _create, ...named } = config;
  const texts = [current, next].flatMap(({ certificate, key, keyFacts, chain }) => [
    printRead(certificate),
    printRead(key),
    keyFacts instanceof FileError ? keyFacts.message : `${keyFacts.mode} ${keyFacts.uid}`,
    chain === null ? null : printRead(chain),
  ]);
  const whole = JSON.stringify([named, texts, printRead(previous)]);
  return { current, next, previous, digest: createHash('sha256').update(whole).digest('hex') };
}

function readPair(files: CaFiles): ReadPair {
  const { certificateFile, keyFile, chainFile } = files;
  return {
    files,
    certificate: attempt(() => readText(certificateFile, MAX_PEM_BYTES)),
    // The facts first: a key that others can read is refused whatever is in it.
    keyFacts: attempt(() => fileFacts(keyFile)),
    key: attempt(() => readText(keyFile, MAX_PEM_BYTES)),
    chain: chainFile === null ? null : attempt(() => readText(chainFile, MAX_PEM_BYTES)),
  };
}

function attempt<T>(read: () => T): T | FileError {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof FileError) return thrown;
    throw thrown;
  }
}

function printRead(read: string | FileError): string {
  return read instanceof FileError ? `!${read.message}` : read;
}

function given<T>(read: T | FileError): T {
  if (read instanceof FileError) throw read;
  return read;
}

// Verifying.

function verifyCas(read: ReadCas, config: CaConfig, nowMs: number, ownUid: number | null): LoadedCas {
  const complaints: string[] = [];
  const { signsFromMs } = config.next;
  const loaded = verifyNext(read, config, { nowMs, ownUid, complaints });
  // The current CA may have ended since the next one took over, but not before.
  const lastMs = loaded === null ? nowMs : Math.min(nowMs, signsFromMs ?? nowMs);
  const current = verifyPair(read.current, lastMs, ownUid);
  if (loaded !== null && signsFromMs !== null && current.endsMs < signsFromMs) {
    throw new CaFileError(
      `the CA ends ${printDate(current.endsMs)}, before the next one signs (ca.next.signsFrom ${printDate(signsFromMs)})`,
    );
  }
  // Between the last steps of a promotion both names stand for the same CA.
  const next = loaded === null || loaded.ca.sha256 === current.ca.sha256 ? null : { ...loaded, signsFromMs };
  const former = formerOf(read.previous, config.previousCertificateFile, complaints);
  const isNextBroken = loaded === null && !isAbsent(read.next);
  return Object.freeze({ current, next, former, digest: read.digest, complaints, isNextBroken });
}

interface NextAsk {
  readonly nowMs: number;
  readonly ownUid: number | null;
  readonly complaints: string[];
}

/** Null: there is none. What is wrong with one that has no date yet is a complaint: nothing is signed with it. */
function verifyNext(read: ReadCas, config: CaConfig, { nowMs, ownUid, complaints }: NextAsk): LoadedCa | null {
  const { certificateFile, signsFromMs } = config.next;
  const absent = isAbsent(read.next);
  if (absent && signsFromMs === null) return null;
  if (absent && signsFromMs !== null && signsFromMs <= nowMs && typeof read.previous === 'string') {
    complaints.push('ca.next.signsFrom has passed and no next CA is there any more: take signsFrom out of the file');
    return null;
  }
  try {
    const atMs = Math.max(nowMs, signsFromMs ?? nowMs);
    const next = verifyPair(read.next, atMs, ownUid, nextIs(config));
    if (signsFromMs !== null && signsFromMs < next.ca.notBeforeMs) {
      throw new CaFileError(`${certificateFile} begins later than that: the date is one of an earlier rotation`);
    }
    return next;
  } catch (thrown) {
    if (!(thrown instanceof CaFileError)) throw thrown;
    if (signsFromMs === null) {
      complaints.push(`${thrown.message}; it is not handed out; make it anew with: pinwarden ca rotate`);
      return null;
    }
    const when = printDate(signsFromMs);
    throw new CaFileError(
      `ca.next.signsFrom is ${when}, but ${thrown.message}; make one with: ` +
        'pinwarden ca rotate, or take signsFrom out',
      thrown,
    );
  }
}

function isAbsent({ certificate, key }: ReadPair): boolean {
  return isMissing(certificate) && isMissing(key);
}

function isMissing(read: string | FileError): boolean {
  return read instanceof FileError && read.why === 'missing';
}

/** What `next` is: it has a chain of its own, or shares that of the current one, of which a root has no need. */
type NextIs = 'chained' | 'sharing';

/** `next`: null for the current CA. @throws CaFileError */
function verifyPair(read: ReadPair, atMs: number, ownUid: number | null, next: NextIs | null = null): LoadedCa {
  const { certificateFile, keyFile, chainFile } = read.files;
  return guarded(next === null ? 'the CA' : 'the next CA', () => {
    refuseShared(keyFile, given(read.keyFacts), ownUid);
    const [certificatePem, keyPem] = [given(read.certificate), given(read.key)];
    const ca = named(`${certificateFile} with ${keyFile}`, () => loadCa(certificatePem, keyPem, atMs));
    const chainText = read.chain === null || (next === 'sharing' && ca.selfIssued) ? null : given(read.chain);
    const chain: Chain =
      chainText === null || chainFile === null
        ? { pem: '', notAfterMs: null }
        : named(chainFile, () => readChain(ca, chainText, atMs));
    return {
      ca,
      chainPem: chain.pem,
      material: { certificatePem: ca.certificatePem, keyPem, chainPem: chain.pem },
      certificateFile,
      endsMs: Math.min(ca.notAfterMs, chain.notAfterMs ?? ca.notAfterMs),
    };
  });
}

function nextIs({ chainFile, next }: CaConfig): NextIs {
  return next.chainFile === chainFile ? 'sharing' : 'chained';
}

function named<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof CaError) throw new CaError(thrown.why, `${file}: ${thrown.message}`);
    throw thrown;
  }
}

function guarded<T>(what: 'the CA' | 'the next CA', work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof FileError || thrown instanceof CaError) {
      throw new CaFileError(`${what} cannot be used: ${thrown.message}`, thrown);
    }
    throw thrown;
  }
}

function formerOf(read: string | FileError, file: string, complaints: string[]): readonly string[] {
  if (isMissing(read)) return [];
  const parsed = read instanceof FileError ? null : parsePem(read);
  const certificate = parsed?.ok === true ? parsed.value[0] : undefined;
  if (certificate !== undefined) return [printPem(certificate.der.bytes)];
  complaints.push(`${file} holds no readable certificate of the CA before; remove it, or put the certificate back`);
  return [];
}

/**
 * Whether more can reach a key than the proxy accepts.
 * Root may hand the key to an unprivileged user through a group: so do Kubernetes (a Secret under `fsGroup`) and systemd
 * (`LoadCredential`), both as root's file with mode 0440, and neither can do it otherwise.
 */
export function isKeyShared({ mode, uid }: FileFacts, ownUid: number | null): boolean {
  const isHanded = uid === 0 && ownUid !== null && ownUid !== 0;
  return (mode & (isHanded ? HANDED_BITS : SHARED_BITS)) !== 0;
}

function refuseShared(keyFile: string, facts: FileFacts, ownUid: number | null): void {
  const { mode, uid } = facts;
  if (isKeyShared(facts, ownUid)) {
    throw new CaFileError(
      `${keyFile} may be read or written by others (mode ${mode.toString(8)}); run: chmod 600 ${keyFile}`,
    );
  }
  if (ownUid !== null && uid !== ownUid && uid !== 0) {
    throw new CaFileError(`${keyFile} belongs to user ${uid}, not to the user that runs the proxy (${ownUid})`);
  }
}
