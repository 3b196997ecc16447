/** ClientHellos by hand (RFC 8446 §4.1.2), so that a case can say anything: a right TLS 1.3 hello unless told otherwise. */
import { randomBytes } from 'node:crypto';

export interface HelloSpec {
  /** Bytes of the host_name as latin1; null: no server_name extension. */
  readonly serverName: string | null;
  readonly alpn?: readonly string[];
  /** Extensions to add: type and content in hex. */
  readonly extensions?: readonly { readonly type: number; readonly hex: string }[];
  /** Largest fragment of one record; default: all in one. */
  readonly fragment?: number;
}

function vector(lengthBytes: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}

function extension(type: number, content: Uint8Array): Buffer {
  return Buffer.concat([uint16(type), vector(2, content)]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** The records of one hello. */
export function helloBytes(spec: HelloSpec): Buffer {
  const extensions = [
    ...(spec.serverName === null ? [] : [extension(0, serverNameList(spec.serverName))]),
    // supported_groups: x25519, secp256r1; signature_algorithms: ECDSA, RSA-PSS, RSA; TLS 1.3 and 1.2.
    extension(10, vector(2, uint16(0x001d), uint16(0x0017))),
    extension(13, vector(2, uint16(0x0403), uint16(0x0804), uint16(0x0401))),
    extension(43, vector(1, uint16(0x0304), uint16(0x0303))),
    extension(51, vector(2, uint16(0x001d), vector(2, keyShare()))),
    ...(spec.alpn === undefined
      ? []
      : [extension(16, vector(2, ...spec.alpn.map((name) => vector(1, Buffer.from(name)))))]),
    ...(spec.extensions ?? []).map(({ type, hex }) => extension(type, Buffer.from(hex, 'hex'))),
  ];
  const body = Buffer.concat([
    uint16(0x0303),
    randomBytes(32),
    vector(1, randomBytes(32)),
    vector(2, uint16(0x1301), uint16(0xc02b)),
    vector(1, Buffer.from([0])),
    vector(2, ...extensions),
  ]);
  const message = Buffer.concat([Buffer.from([1]), vector(3, body)]);
  const records: Buffer[] = [];
  const fragment = spec.fragment ?? 16_384;
  for (let start = 0; start < message.length; start += fragment) {
    records.push(Buffer.concat([Buffer.from([0x16, 3, 1]), vector(2, message.subarray(start, start + fragment))]));
  }
  return Buffer.concat(records);
}

function serverNameList(name: string): Buffer {
  return vector(2, Buffer.from([0]), vector(2, Buffer.from(name, 'latin1')));
}

/** Any 32 bytes are an X25519 public value. */
function keyShare(): Buffer {
  return randomBytes(32);
}
