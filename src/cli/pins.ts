/** `pins FILE.pem… [--json]`: the pin of each certificate or public key in the files, with its subject, ready to be pasted. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { FileError, readBytes } from '../host/files.ts';
import { clip } from '../model/text.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import { MAX_PEM_CHARACTERS, type PemBlock, parsePemBlocks } from '../pki/x509/pem.ts';
import { parseSpki } from '../pki/x509/spki.ts';
import type { Io } from './io.ts';
import { EXIT_NO, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

/** What every certificate and key begins with. */
const DER_SEQUENCE = 0x30;

interface Key {
  readonly file: string;
  /** Place in the file, from 1. */
  readonly block: number;
  readonly pin: string;
  /** Null: a bare public key. */
  readonly subject: string | null;
}

interface Unreadable {
  readonly file: string;
  /** Null: the file as a whole. */
  readonly block: number | null;
  readonly why: string;
}

type Found = Key | Unreadable;

/** @returns 0, 1 when a file or something in it cannot be read, 2 for a wrong command line. */
export async function runPins(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('pins', io, async () => {
    const { values, positionals } = readArguments(argv, { json: { type: 'boolean', default: false } });
    if (positionals.length === 0) throw new UsageError('give one or more PEM files with certificates or public keys');
    const found = positionals.flatMap((file) => readFile(file, io.cwd));
    const keys = found.filter((one): one is Key => 'pin' in one);
    const unreadable = found.filter((one): one is Unreadable => 'why' in one);
    if (values.json) io.out(`${JSON.stringify({ keys, unreadable })}\n`);
    else for (const { pin, subject } of keys) io.out(`${pin}  ${subject ?? '(public key)'}\n`);
    for (const { file, block, why } of unreadable) {
      io.err(`pinwarden pins: ${file}: ${block === null ? '' : `block ${block}: `}${why}\n`);
    }
    if (unreadable.length > 0) io.err('next: give certificates or public keys, as PEM or DER\n');
    return unreadable.length > 0 ? EXIT_NO : EXIT_OK;
  });
}

function readFile(file: string, cwd: string): readonly Found[] {
  const unreadable = (why: string, block: number | null = null): Unreadable => ({ file, block, why });
  let bytes: Buffer;
  try {
    bytes = readBytes(resolve(cwd, file), MAX_PEM_CHARACTERS);
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    return [unreadable(thrown.message.slice(thrown.file.length + 2))];
  }
  const isPem = bytes.includes('-----BEGIN ');
  if (!isPem && bytes[0] !== DER_SEQUENCE) return [unreadable('neither PEM nor DER')];
  const blocks = isPem
    ? parsePemBlocks(bytes.toString('latin1'))
    : ({ ok: true, value: [{ label: 'CERTIFICATE', bytes, offset: 0 }] } as const);
  if (!blocks.ok) return [unreadable(blocks.why)];
  if (blocks.value.length === 0) return [unreadable('no PEM block')];
  return blocks.value.map((block, index) => {
    const pinned = pinOf(block);
    if (!pinned.ok) return unreadable(pinned.why, index + 1);
    return { file, block: index + 1, pin: pinned.pin, subject: pinned.subject };
  });
}

type Pinned =
  | { readonly ok: true; readonly pin: string; readonly subject: string | null }
  | { readonly ok: false; readonly why: string };

/** The hash is over the SPKI as it stands in the certificate, never over a re-encoding. */
function pinOf(block: PemBlock): Pinned {
  if (block.label === 'PUBLIC KEY') {
    const key = parseSpki(block.bytes);
    const digest = createHash('sha256').update(block.bytes).digest('base64');
    return key.ok ? { ok: true, pin: `sha256/${digest}`, subject: null } : { ok: false, why: key.why };
  }
  if (block.label !== 'CERTIFICATE')
    return { ok: false, why: `${clip(block.label)} is no certificate and no public key` };
  const parsed = parseCertificate(block.bytes);
  if (!parsed.ok) return { ok: false, why: parsed.why };
  return { ok: true, pin: `sha256/${parsed.value.spkiSha256}`, subject: clip(parsed.value.subject.text) };
}
