/**
 * Distinguished names (RFC 5280 §4.1.2.4): read once into a key for comparison and a text for people.
 *
 * Does: fold strings as RFC 5280 §7.1 asks in the part that certificates use: ASCII case, runs of spaces, spaces at
 * the ends, and the string type (Printable, IA5, UTF8, BMP and Universal compare as text).
 * Does not: fold non-ASCII case or Unicode forms (as other validators; unequal then means no match, never a false one),
 * nor decode TeletexString, whose bytes are compared as they are.
 * The caller must: compare `key`, never `text`.
 */

import { isAscii, isUtf8 } from 'node:buffer';
import { OID } from '../der/oid.ts';
import { type DerReader, TAG } from '../der/reader.ts';
import type { Name } from './certificate.ts';

/** Longest text of a name; findings and audit records carry it. */
const MAX_TEXT = 256;

const SHORT_NAMES: Readonly<Record<string, string>> = Object.freeze({
  [OID.commonName]: 'CN',
  [OID.serialNumber]: 'serialNumber',
  [OID.country]: 'C',
  [OID.locality]: 'L',
  [OID.state]: 'ST',
  [OID.organization]: 'O',
  [OID.organizationalUnit]: 'OU',
  [OID.domainComponent]: 'DC',
  [OID.userId]: 'UID',
  [OID.emailAddress]: 'emailAddress',
});

interface Attribute {
  readonly key: string;
  readonly text: string;
}

/** Values that somebody asks for later. */
interface Held {
  hasTeletex: boolean;
  readonly emails: (string | null)[];
  readonly commonNames: string[];
}

const nothingHeld = (): Held => ({ hasTeletex: false, emails: [], commonNames: [] });

/** Reads a Name with its header. */
export function readName(reader: DerReader): Name {
  const from = reader.offset;
  const names = reader.sequence();
  const held = nothingHeld();
  const texts: string[] = [];
  let key = '';
  while (!names.atEnd) {
    const rdn = readRdn(names, held);
    key += rdn.key;
    texts.push(rdn.text);
  }
  return Object.freeze({
    raw: reader.since(from),
    key,
    text: printable(texts.reverse().join(',')),
    hasTeletex: held.hasTeletex,
    emails: Object.freeze(held.emails),
    commonNames: Object.freeze(held.commonNames),
  });
}

/**
 * One RelativeDistinguishedName. Its key starts with the number of attributes and every value with its length, so that
 * a key is a prefix of another exactly when its RDNs are (directory name constraints rest on that).
 */
function readRdn(names: DerReader, held: Held): Attribute {
  return readAttributes(names.set(), held);
}

/** The content of one RelativeDistinguishedName: what it adds to the key of the name that it follows. */
export function readRelativeName(set: DerReader): string {
  return readAttributes(set, nothingHeld()).key;
}

function readAttributes(set: DerReader, held: Held): Attribute {
  const first = readAttribute(set, held);
  if (set.atEnd) return { key: `1(${first.key})`, text: first.text };
  // A set: the order in which its attributes are written does not matter.
  const keys = [first.key];
  const texts = [first.text];
  while (!set.atEnd) {
    const { key, text } = readAttribute(set, held);
    keys.push(key);
    texts.push(text);
  }
  return { key: `${keys.length}(${keys.sort().join('')})`, text: texts.join('+') };
}

function readAttribute(set: DerReader, held: Held): Attribute {
  const pair = set.sequence();
  const oid = pair.oid();
  const at = pair.offset;
  const tag = pair.peek();
  const content = pair.content(tag);
  pair.end();
  const value = decodeString(tag, content) ?? pair.fail('string has characters that its type does not allow', at);
  if (oid === OID.emailAddress) held.emails.push(value.compares ? value.text : null);
  const isTeletex = tag === TAG.teletexString;
  held.hasTeletex ||= isTeletex;
  // Clients that read a common name as a host take Teletex for Latin-1.
  if (oid === OID.commonName && (value.compares || isTeletex)) held.commonNames.push(value.text);
  const folded = value.compares ? fold(value.text) : content.toString('hex');
  const kind = value.compares ? 's' : `#${tag}.`;
  return {
    key: `${oid}=${kind}${folded.length}:${folded}`,
    text: `${SHORT_NAMES[oid] ?? oid}=${escapeText(value.text)}`,
  };
}

interface Decoded {
  readonly text: string;
  /** Whether the text may be compared with texts of other string types. */
  readonly compares: boolean;
}

/** PrintableString of X.680 §41.4, and `*`, which BoringSSL tolerates as well. */
const PRINTABLE = /^[A-Za-z0-9 '()*+,\-./:=?]*$/;

/** The text of an attribute value; null when the bytes are not of the type that the tag says. */
function decodeString(tag: number, content: Buffer): Decoded | null {
  switch (tag) {
    case TAG.printableString: {
      const text = content.toString('latin1');
      return PRINTABLE.test(text) ? { text, compares: true } : null;
    }
    case TAG.ia5String:
      return isAscii(content) ? { text: content.toString('latin1'), compares: true } : null;
    case TAG.utf8String:
      return isUtf8(content) ? { text: content.toString('utf8'), compares: true } : null;
    case TAG.bmpString:
      return wide(content, 2);
    case TAG.universalString:
      return wide(content, 4);
    default:
      return {
        text: tag === TAG.teletexString ? content.toString('latin1') : `#${content.toString('hex')}`,
        compares: false,
      };
  }
}

/** Big-endian code points of `width` bytes; surrogates and what lies beyond Unicode are refused. */
function wide(content: Buffer, width: 2 | 4): Decoded | null {
  if (content.length % width !== 0) return null;
  let text = '';
  for (let at = 0; at < content.length; at += width) {
    const point = width === 2 ? content.readUInt16BE(at) : content.readUInt32BE(at);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return null;
    text += String.fromCodePoint(point);
  }
  return { text, compares: true };
}

const UPPER = /[A-Z]/g;

function fold(text: string): string {
  const spaced = text.includes(' ') ? text.replace(/ +/g, ' ').replace(/^ | $/g, '') : text;
  // Not toLowerCase alone: that would fold beyond ASCII, and some of its results change length.
  return spaced.replace(UPPER, (letter) => letter.toLowerCase());
}

function escapeText(text: string): string {
  return /[,+"\\<>;=]/.test(text) ? text.replace(/[,+"\\<>;=]/g, '\\$&') : text;
}

/** Control, format (bidi among them), line-separator, private and unassigned characters: they can make a line lie. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

function printable(text: string): string {
  const capped = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1).replace(/[\ud800-\udbff]$/, '')}…` : text;
  return capped.replace(UNPRINTABLE, '\ufffd');
}
