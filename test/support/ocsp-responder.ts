/**
 * OCSP responses for tests: right by default, wrong on purpose.
 *
 *   const staple = ocspResponse(inter, [{ certificate: leaf }], { at });
 */
import { createHash } from 'node:crypto';
import * as der from '../../src/pki/der/writer.ts';
import { encodeExtension, publicKeyBits, type RawExtension } from './extensions.ts';
import { type SignatureName, signBytes } from './keys.ts';
import type { Issued } from './test-ca.ts';

const HOUR_MS = 3_600_000;
const HASHES: Readonly<Record<string, string>> = {
  sha1: '1.3.14.3.2.26',
  sha224: '2.16.840.1.101.3.4.2.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};

export interface SingleSpec {
  readonly certificate: Issued;
  readonly status?: 'good' | 'unknown' | 'revoked';
  /** Of a revocation. */
  readonly reason?: number;
  readonly revokedAtMs?: number;
  readonly hash?: string;
  /** Whose name and key are hashed; default: the issuer of the certificate. */
  readonly issuer?: Issued;
  readonly serial?: Buffer;
  readonly thisUpdateMs?: number;
  /** null leaves it out. */
  readonly nextUpdateMs?: number | null;
  readonly extensions?: readonly RawExtension[];
}

export interface ResponseSpec {
  readonly atMs: number;
  readonly producedAtMs?: number;
  readonly responderId?: 'name' | 'key';
  /** Certificates in the response. */
  readonly certificates?: readonly Buffer[];
  readonly extensions?: readonly RawExtension[];
  readonly signature?: SignatureName;
  readonly version?: number;
  readonly broken?: boolean;
}

/** A successful response about `singles`, signed by `signer`. */
export function ocspResponse(signer: Issued, singles: readonly SingleSpec[], spec: ResponseSpec): Buffer {
  const tbs = der.sequence(
    ...(spec.version === undefined ? [] : [der.contextConstructed(0, der.integer(spec.version))]),
    responderId(signer, spec.responderId ?? 'key'),
    der.generalizedTime(spec.producedAtMs ?? spec.atMs - HOUR_MS),
    der.sequence(...singles.map((single) => singleResponse(single, spec.atMs))),
    ...extensionsOf(spec.extensions),
  );
  const signature = signBytes(signer.privateKey, tbs, spec.signature);
  const bytes = Buffer.from(signature.bytes);
  if (spec.broken === true) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const certificates = spec.certificates ?? [];
  return basicResponse(
    der.sequence(
      tbs,
      signature.algorithm,
      der.bitString(bytes),
      ...(certificates.length === 0 ? [] : [der.contextConstructed(0, der.sequence(...certificates))]),
    ),
  );
}

/** The frame of a successful response around `basic`. */
export function basicResponse(basic: Buffer, type = '1.3.6.1.5.5.7.48.1.1'): Buffer {
  return der.sequence(
    der.enumerated(0),
    der.contextConstructed(0, der.sequence(der.oid(type), der.octetString(basic))),
  );
}

/** A response that says no more than an error status. */
export function errorResponse(status: number): Buffer {
  return der.sequence(der.enumerated(status));
}

function responderId(signer: Issued, by: 'name' | 'key'): Buffer {
  if (by === 'name') return der.contextConstructed(1, signer.subject);
  return der.contextConstructed(2, der.octetString(digest('sha1', publicKeyBits(signer.spki))));
}

function digest(algorithm: string, bytes: Buffer): Buffer {
  return createHash(algorithm).update(bytes).digest();
}

function singleResponse(spec: SingleSpec, atMs: number): Buffer {
  const issuer = spec.issuer ?? spec.certificate.issuer;
  if (issuer === null) throw new Error('a certificate without an issuer');
  const hash = spec.hash ?? 'sha1';
  const nextUpdateMs = spec.nextUpdateMs === undefined ? atMs + 48 * HOUR_MS : spec.nextUpdateMs;
  return der.sequence(
    der.sequence(
      der.sequence(der.oid(HASHES[hash] ?? hash), der.nullValue()),
      der.octetString(digest(hash, issuer.subject)),
      der.octetString(digest(hash, publicKeyBits(issuer.spki))),
      der.tlv(0x02, spec.serial ?? spec.certificate.serial),
    ),
    certStatus(spec, atMs),
    der.generalizedTime(spec.thisUpdateMs ?? atMs - HOUR_MS),
    ...(nextUpdateMs === null ? [] : [der.contextConstructed(0, der.generalizedTime(nextUpdateMs))]),
    ...extensionsOf(spec.extensions),
  );
}

function certStatus(spec: SingleSpec, atMs: number): Buffer {
  const status = spec.status ?? 'good';
  if (status !== 'revoked') return der.contextPrimitive(status === 'good' ? 0 : 2, Buffer.alloc(0));
  const reason = spec.reason === undefined ? [] : [der.contextConstructed(0, der.enumerated(spec.reason))];
  return der.contextConstructed(1, der.generalizedTime(spec.revokedAtMs ?? atMs - 24 * HOUR_MS), ...reason);
}

function extensionsOf(extensions: readonly RawExtension[] | undefined): Buffer[] {
  if (extensions === undefined) return [];
  return [der.contextConstructed(1, der.sequence(...extensions.map(encodeExtension)))];
}

/** The CT extension of a SingleResponse (RFC 6962 §3.3). */
export function ocspScts(list: Buffer): RawExtension {
  return { oid: '1.3.6.1.4.1.11129.2.4.5', critical: false, value: der.octetString(list) };
}
