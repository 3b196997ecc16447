/**
 * PEM (RFC 7468): text of an operator → DER.
 *
 * Does: read the blocks of a file; text outside of blocks is allowed (CA files carry names there).
 * Does not: read encrypted blocks or headers inside of blocks, nor guess at what a block with another label means.
 */
import type { Certificate, Parsed } from './certificate.ts';
import { parseCertificate } from './parse.ts';

/** The whole public set is 220 KiB; a system store with everything 600 KiB. */
export const MAX_PEM_CHARACTERS = 8 * 1024 * 1024;

export interface PemBlock {
  /** `CERTIFICATE`, `PUBLIC KEY`, … */
  readonly label: string;
  readonly bytes: Buffer;
  /** Where the block starts in the text. */
  readonly offset: number;
}

const LINE = /-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----/g;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** All blocks in order; `offset` of a failure counts characters. */
export function parsePemBlocks(text: string): Parsed<readonly PemBlock[]> {
  if (text.length > MAX_PEM_CHARACTERS) {
    return { ok: false, why: `longer than ${MAX_PEM_CHARACTERS} characters`, offset: MAX_PEM_CHARACTERS };
  }
  const blocks: PemBlock[] = [];
  let open: { readonly label: string; readonly offset: number; readonly bodyAt: number } | null = null;
  for (const line of text.matchAll(LINE)) {
    const label = line[2] ?? '';
    const refuse = (why: string): Parsed<never> => ({ ok: false, why, offset: line.index });
    if (line[1] === 'BEGIN') {
      if (open !== null) return refuse(`BEGIN ${label} inside of ${open.label}`);
      open = { label, offset: line.index, bodyAt: line.index + line[0].length };
      continue;
    }
    if (open?.label !== label) return refuse(`END ${label} without its BEGIN`);
    const body = text.slice(open.bodyAt, line.index).replace(/[\r\n\t ]+/g, '');
    if (body === '' || !BASE64.test(body)) return { ok: false, why: `${label} is not base64`, offset: open.bodyAt };
    blocks.push(Object.freeze({ label, bytes: Buffer.from(body, 'base64'), offset: open.offset }));
    open = null;
  }
  if (open !== null) return { ok: false, why: `${open.label} has no END`, offset: open.offset };
  return { ok: true, value: Object.freeze(blocks) };
}

/** The certificates of a PEM text, in order; at least one, and nothing but certificates. */
export function parsePem(text: string): Parsed<readonly Certificate[]> {
  const blocks = parsePemBlocks(text);
  if (!blocks.ok) return blocks;
  if (blocks.value.length === 0) return { ok: false, why: 'no PEM block', offset: 0 };
  const certificates: Certificate[] = [];
  for (const block of blocks.value) {
    if (block.label !== 'CERTIFICATE')
      return { ok: false, why: `${block.label} is no certificate`, offset: block.offset };
    const parsed = parseCertificate(block.bytes);
    if (!parsed.ok) {
      const number = certificates.length + 1;
      return { ok: false, why: `certificate ${number}: ${parsed.why} at byte ${parsed.offset}`, offset: block.offset };
    }
    certificates.push(parsed.value);
  }
  return { ok: true, value: Object.freeze(certificates) };
}

/** RFC 7468 §2 text of one DER value, 64 characters a line, with its line end. */
export function printPem(der: Uint8Array, label = 'CERTIFICATE'): string {
  const text = Buffer.from(der).toString('base64');
  const lines = text.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.map((line) => `${line}\n`).join('')}-----END ${label}-----\n`;
}
