/**
 * The body of a ClientHello: versions, suites, extensions. Bounded by the reader that collected it.
 *
 * Does: read strictly what TLS peers must agree on; a list with a bad length, an empty entry or an extension sent twice
 * is malformed, because a second parser behind us might read it otherwise.
 * Does not: care about extensions that nobody here uses beyond their length.
 */
import { parseHost } from './authority.ts';

export interface ClientHello {
  /** Canonical host of the server_name extension (RFC 6066 §3); null: none was sent. */
  readonly serverName: string | null;
  /** ALPN protocol ids in order as latin1 strings, GREASE included; empty: the extension was not sent. */
  readonly alpn: readonly string[];
  /** Offered versions (0x0304 = TLS 1.3) in order, without GREASE. */
  readonly versions: readonly number[];
  /** Without GREASE. */
  readonly cipherSuites: readonly number[];
  /** Without GREASE; empty: the extension was not sent. */
  readonly signatureSchemes: readonly number[];
  /** The encrypted_client_hello extension is there: real or GREASE (RFC 9849 §6.2), from outside the same. */
  readonly hasEch: boolean;
  /** The abandoned draft extension 0xffce, which hides the server name from us and which nobody sends as GREASE. */
  readonly hasEsni: boolean;
  /** Bytes of the stream that the hello took, record headers included. */
  readonly byteLength: number;
}

export type HelloBody =
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | { readonly kind: 'malformed'; readonly why: string };

const SERVER_NAME = 0;
const SIGNATURE_ALGORITHMS = 13;
const ALPN = 16;
const SUPPORTED_VERSIONS = 43;
const ECH = 0xfe0d;
const ESNI = 0xffce;

/** Browsers send two or three; the list is offered upstream again, so it may not be used to send kilobytes there. */
const ALPN_NAMES_MAX = 64;

/** Thrown and caught inside this file only: a parse error with fixed words. */
class Malformed extends Error {}

/** Reads big-endian fields with a bound; every read checks it. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number, what: string): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Malformed(what);
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  uint(size: 1 | 2, what: string): number {
    return this.take(size, what).readUIntBE(0, size);
  }

  /** A vector with a length prefix of `size` bytes (RFC 8446 §3.4). */
  vector(size: 1 | 2, what: string): Buffer {
    return this.take(this.uint(size, what), what);
  }
}

/** RFC 8701: values 0x0a0a, 0x1a1a … 0xfafa mean nothing and are there to keep peers honest. */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/** A list of 16-bit values without GREASE. Must hold at least one value. */
function uint16s(bytes: Buffer, what: string): number[] {
  if (bytes.length === 0 || bytes.length % 2 !== 0) throw new Malformed(what);
  const values: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) {
    const value = bytes.readUInt16BE(at);
    if (!isGrease(value)) values.push(value);
  }
  return values;
}

/** The content of an extension that is one vector and nothing else. */
function onlyVector(bytes: Buffer, size: 1 | 2, what: string): Buffer {
  const cursor = new Cursor(bytes);
  const vector = cursor.vector(size, what);
  if (!cursor.done) throw new Malformed(what);
  return vector;
}

/** RFC 6066 §3: a list that in practice, and here, has exactly one entry of type host_name. */
function readServerName(bytes: Buffer): string {
  const what = 'server name';
  const list = new Cursor(onlyVector(bytes, 2, what));
  if (list.uint(1, what) !== 0) throw new Malformed(what);
  const name = list.vector(2, what);
  if (!list.done) throw new Malformed(what);
  const host = parseHost(name.toString('latin1'));
  // Nothing that is no host name gets further: no control characters, no markup, no path.
  if (!host.ok || host.value.kind === 'ipv6') throw new Malformed('server name is not a host');
  return host.value.host;
}

function readAlpn(bytes: Buffer): string[] {
  const what = 'alpn';
  const list = new Cursor(onlyVector(bytes, 2, what));
  const names: string[] = [];
  do {
    const name = list.vector(1, what);
    if (name.length === 0) throw new Malformed(what);
    names.push(name.toString('latin1'));
    if (names.length > ALPN_NAMES_MAX) throw new Malformed(what);
  } while (!list.done);
  return names;
}

function readExtensions(cursor: Cursor): ReadonlyMap<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  // TLS 1.2 clients may leave the whole block out (RFC 5246 §7.4.1.2).
  if (cursor.done) return extensions;
  const list = new Cursor(cursor.vector(2, 'extensions'));
  if (!cursor.done) throw new Malformed('bytes behind the extensions');
  while (!list.done) {
    const type = list.uint(2, 'extension');
    if (extensions.has(type)) throw new Malformed('extension twice');
    extensions.set(type, list.vector(2, 'extension'));
  }
  return extensions;
}

function readHello(body: Buffer, byteLength: number): ClientHello {
  const cursor = new Cursor(body);
  const legacyVersion = cursor.uint(2, 'version');
  cursor.take(32, 'random');
  if (cursor.vector(1, 'session id').length > 32) throw new Malformed('session id');
  const cipherSuites = uint16s(cursor.vector(2, 'cipher suites'), 'cipher suites');
  // Every version demands that the null method is offered.
  if (!cursor.vector(1, 'compression').includes(0)) throw new Malformed('compression');
  const extensions = readExtensions(cursor);
  const versions = extensions.get(SUPPORTED_VERSIONS);
  const schemes = extensions.get(SIGNATURE_ALGORITHMS);
  const serverName = extensions.get(SERVER_NAME);
  const alpn = extensions.get(ALPN);
  return Object.freeze({
    serverName: serverName === undefined ? null : readServerName(serverName),
    alpn: Object.freeze(alpn === undefined ? [] : readAlpn(alpn)),
    versions: Object.freeze(
      versions === undefined ? [legacyVersion] : uint16s(onlyVector(versions, 1, 'versions'), 'versions'),
    ),
    cipherSuites: Object.freeze(cipherSuites),
    signatureSchemes: Object.freeze(
      schemes === undefined ? [] : uint16s(onlyVector(schemes, 2, 'signature schemes'), 'signature schemes'),
    ),
    hasEch: extensions.has(ECH),
    hasEsni: extensions.has(ESNI),
    byteLength,
  });
}

/** Reads the body of a ClientHello (without the message header). `byteLength` is passed through. Never throws. */
export function parseHelloBody(body: Buffer, byteLength: number): HelloBody {
  try {
    return { kind: 'hello', hello: readHello(body, byteLength) };
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'malformed', why: error.message };
    throw error;
  }
}

/** ECDSA schemes of RFC 8446 §4.2.3 that a P-256 key can serve, and the legacy ECDSA-with-SHA-1 to SHA-512 codepoints. */
const ECDSA_SCHEMES: ReadonlySet<number> = new Set([0x0203, 0x0303, 0x0403, 0x0503, 0x0603]);
/** ECDHE_ECDSA suites of TLS 1.2 with AEAD (RFC 5289, RFC 7905, RFC 7251). */
const ECDSA_SUITES: ReadonlySet<number> = new Set([0xc02b, 0xc02c, 0xcca9, 0xc0ac, 0xc0ad]);

/** Whether this client can only use an RSA certificate, so that our P-256 leaf would not do. */
export function needsRsaLeaf(hello: ClientHello): boolean {
  if (hello.signatureSchemes.length > 0 && !hello.signatureSchemes.some((scheme) => ECDSA_SCHEMES.has(scheme))) {
    return true;
  }
  return !hello.versions.includes(0x0304) && !hello.cipherSuites.some((suite) => ECDSA_SUITES.has(suite));
}
