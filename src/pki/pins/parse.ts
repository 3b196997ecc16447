/**
 * Pins as people write them (RFC 7469 §2.4): `sha256/` and the base64 of the SHA-256 of a SubjectPublicKeyInfo.
 *
 * Does: accept exactly that, and say for each of the other forms in use what is wrong and what to write instead.
 * Does not: take what `convertPin` makes of another form. A pin that was almost right is a pin that nobody checked.
 */
import { createHash } from 'node:crypto';
import type { Parsed } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/parse.ts';
import { parsePemBlocks } from '../x509/pem.ts';
import { parseSpki } from '../x509/spki.ts';

const PREFIX = 'sha256/';

/** The 44 characters after `sha256/`, or why not; `offset` is the character that is wrong. */
export function parsePin(text: string): Parsed<string> {
  const foreign = foreignForm(text);
  if (foreign !== null) return foreign;
  const value = text.slice(PREFIX.length);
  const odd = /[^A-Za-z0-9+/=]/.exec(value);
  if (odd !== null) {
    const offset = PREFIX.length + odd.index;
    if (/[-_]/.test(odd[0])) return refuse('this is base64url: write + for - and / for _, and pad with =', offset);
    if (/\s/.test(odd[0])) return refuse('white space in the pin: remove it', offset);
    return refuse('a character that is not base64', offset);
  }
  if (/^[0-9a-fA-F]{64}$/.test(value)) {
    return refuse('this is hexadecimal: write the base64 of these 32 bytes', PREFIX.length);
  }
  // The base64 itself may start with a slash: only one too many is curl's.
  if (value.length === 45 && value.startsWith('/')) {
    return refuse("this is curl's form: write sha256/ with one slash", PREFIX.length);
  }
  if (value.length === 43 && !value.includes('=')) {
    return refuse('43 characters: the padding is missing, end the pin with =', text.length);
  }
  if (value.length !== 44) {
    return refuse(
      `${value.length} characters after sha256/: the base64 of 32 bytes has 44, the last one =`,
      PREFIX.length,
    );
  }
  return canonical(value);
}

/** The base64 of 32 bytes has one `=`, and the two bits that nobody needs are zero. */
function canonical(value: string): Parsed<string> {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length !== 32) return refuse('not the base64 of 32 bytes: 43 characters and one =', PREFIX.length);
  if (bytes.toString('base64') !== value) {
    return refuse('not canonical base64: the character before = has bits set that mean nothing', PREFIX.length + 42);
  }
  return { ok: true, value };
}

/** Forms that are not ours at all, recognised by how they start. */
function foreignForm(text: string): Parsed<string> | null {
  if (text.includes('-----BEGIN')) {
    return refuse(
      'this is PEM: a pin is the hash of the public key in it, as probe prints it',
      text.indexOf('-----BEGIN'),
    );
  }
  if (/^\s/.test(text)) return refuse('white space before the pin: remove it', 0);
  if (text.startsWith(PREFIX)) return null;
  if (/^sha1[/:=-]/i.test(text)) return refuse('SHA-1 pins are not safe: pin the SHA-256 of the key', 0);
  if (/^sha256\//i.test(text)) return refuse('write sha256/ in lower case', 0);
  if (/^(?:pin-)?sha256[:=-]/i.test(text)) return refuse('write sha256/ before the base64', 0);
  if (/^(?:[0-9a-f]{2}:){31}[0-9a-f]{2}$/i.test(text) || /^[0-9a-f]{64}$/i.test(text)) {
    return refuse(
      'this is hexadecimal, often the hash of a certificate: a pin is sha256/ and the base64 of the hash of a key',
      0,
    );
  }
  return refuse('a pin starts with sha256/', 0);
}

function refuse(why: string, offset: number): Parsed<never> {
  return { ok: false, why, offset };
}

const DIGEST_BYTES = 32;

/**
 * What the text would be as a pin, for a person to look at: `sha256/…=` from hexadecimal, base64url, base64 under another
 * prefix, or the key of a PEM certificate or public key. Null: nothing that a pin could be made of. Never throws.
 */
export function convertPin(text: string): string | null {
  if (text.includes('-----BEGIN')) return pinOfPem(text);
  const bare = text
    .trim()
    .replace(/^(?:pin-)?sha256[/:=-]\/?"?(?=[^/"])/i, '')
    .replace(/"$/, '');
  const digits = bare.replaceAll(':', '');
  if (/^[0-9a-f]{64}$/i.test(digits)) return printPin(Buffer.from(digits, 'hex'));
  const digest = Buffer.from(bare, 'base64');
  const isDigest = /^[A-Za-z0-9+/_-]{43}=?$/.test(bare) && digest.length === DIGEST_BYTES;
  return isDigest ? printPin(digest) : null;
}

/** Of the first block, which is the leaf in a chain. */
function pinOfPem(text: string): string | null {
  const blocks = parsePemBlocks(text);
  const [block] = blocks.ok ? blocks.value : [];
  if (block === undefined) return null;
  if (block.label === 'PUBLIC KEY') {
    return parseSpki(block.bytes).ok ? printPin(createHash('sha256').update(block.bytes).digest()) : null;
  }
  const parsed = block.label === 'CERTIFICATE' ? parseCertificate(block.bytes) : null;
  return parsed?.ok === true ? `${PREFIX}${parsed.value.spkiSha256}` : null;
}

function printPin(digest: Buffer): string {
  return `${PREFIX}${digest.toString('base64')}`;
}
