/** `pins FILE.pem…`: the pin of each certificate or public key in the files, with its subject, ready to be pasted. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FileError, readBytes } from '../host/files.ts';
import { clip } from '../model/text.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import { MAX_PEM_CHARACTERS, type PemBlock, parsePemBlocks } from '../pki/x509/pem.ts';
import { parseSpki } from '../pki/x509/spki.ts';
import type { Io } from './io.ts';

const EXIT_UNREADABLE = 1;
const EXIT_USAGE = 2;

/** @returns 0, 1 when something in the files cannot be read, 2 for a wrong command line or an unreadable file. */
export async function runPins(argv: readonly string[], io: Io): Promise<number> {
  let files: readonly string[];
  try {
    files = parseArgs({ args: [...argv], options: {}, strict: true, allowPositionals: true }).positionals;
  } catch (thrown) {
    io.err(`pinwarden pins: ${thrown instanceof Error ? thrown.message : 'unknown option'}\n`);
    return EXIT_USAGE;
  }
  if (files.length === 0) {
    io.err('pinwarden pins: give one or more PEM files with certificates or public keys\n');
    return EXIT_USAGE;
  }
  let exit = 0;
  for (const file of files) exit = Math.max(exit, printFile(file, io));
  return exit;
}

function printFile(file: string, io: Io): number {
  let bytes: Buffer;
  try {
    bytes = readBytes(resolve(io.cwd, file), MAX_PEM_CHARACTERS);
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    io.err(`pinwarden pins: ${thrown.message}\n`);
    return EXIT_USAGE;
  }
  const blocks = bytes.includes('-----BEGIN ')
    ? parsePemBlocks(bytes.toString('latin1'))
    : ({ ok: true, value: [{ label: 'CERTIFICATE', bytes, offset: 0 }] } as const);
  if (!blocks.ok) {
    io.err(`${file}: ${blocks.why}\n`);
    return EXIT_UNREADABLE;
  }
  let exit = blocks.value.length === 0 ? EXIT_UNREADABLE : 0;
  if (exit !== 0) io.err(`${file}: no PEM block\n`);
  for (const [index, block] of blocks.value.entries()) {
    const pin = pinOf(block);
    if (pin.ok) {
      io.out(`${pin.text}\n`);
      continue;
    }
    io.err(`${file}: block ${index + 1}: ${pin.why}\n`);
    exit = EXIT_UNREADABLE;
  }
  return exit;
}

type Pinned = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

/** The hash is over the SPKI as it stands in the certificate, never over a re-encoding. */
function pinOf(block: PemBlock): Pinned {
  if (block.label === 'PUBLIC KEY') {
    const key = parseSpki(block.bytes);
    const digest = createHash('sha256').update(block.bytes).digest('base64');
    return key.ok ? { ok: true, text: `sha256/${digest}  (public key)` } : { ok: false, why: key.why };
  }
  if (block.label !== 'CERTIFICATE')
    return { ok: false, why: `${clip(block.label)} is no certificate and no public key` };
  const parsed = parseCertificate(block.bytes);
  if (!parsed.ok) return { ok: false, why: parsed.why };
  return { ok: true, text: `sha256/${parsed.value.spkiSha256}  ${clip(parsed.value.subject.text)}` };
}
