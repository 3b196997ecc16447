/**
 * CRLs for tests: right by default, wrong on purpose.
 *
 *   const crl = makeCrl(inter, { atMs, revoked: [{ serial: leaf.serial }] });
 */
import * as der from '../../src/pki/der/writer.ts';
import { encodeExtension, type RawExtension } from './extensions.ts';
import { type SignatureName, signatureAlgorithm, signBytes } from './keys.ts';
import type { Issued } from './test-ca.ts';

const DAY_MS = 86_400_000;

export interface RevokedSpec {
  /** INTEGER content. */
  readonly serial: Buffer;
  readonly atMs?: number;
  readonly reason?: number;
  readonly extensions?: readonly RawExtension[];
}

export interface CrlSpec {
  readonly atMs: number;
  readonly thisUpdateMs?: number;
  /** null leaves it out. */
  readonly nextUpdateMs?: number | null;
  readonly revoked?: readonly RevokedSpec[];
  readonly extensions?: readonly RawExtension[];
  readonly issuer?: Buffer;
  readonly signature?: SignatureName;
  /** Content of the version field; null leaves it out. Default 1, which is v2. */
  readonly version?: number | null;
  readonly broken?: boolean;
}

/** One CRL in DER, signed by `signer`. */
export function makeCrl(signer: Issued, spec: CrlSpec): Buffer {
  const nextUpdateMs = spec.nextUpdateMs === undefined ? spec.atMs + 5 * DAY_MS : spec.nextUpdateMs;
  const version = spec.version === undefined ? 1 : spec.version;
  const entries = (spec.revoked ?? []).map((entry) => revokedEntry(entry, spec.atMs));
  const tbs = der.sequence(
    ...(version === null ? [] : [der.integer(version)]),
    signatureAlgorithm(signer.privateKey, spec.signature),
    spec.issuer ?? signer.subject,
    der.time(spec.thisUpdateMs ?? spec.atMs - DAY_MS),
    ...(nextUpdateMs === null ? [] : [der.time(nextUpdateMs)]),
    ...(entries.length === 0 ? [] : [der.sequence(...entries)]),
    ...(spec.extensions === undefined
      ? []
      : [der.contextConstructed(0, der.sequence(...spec.extensions.map(encodeExtension)))]),
  );
  const signature = signBytes(signer.privateKey, tbs, spec.signature);
  const bytes = Buffer.from(signature.bytes);
  if (spec.broken === true) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return der.sequence(tbs, signature.algorithm, der.bitString(bytes));
}

function revokedEntry(entry: RevokedSpec, atMs: number): Buffer {
  const reason: RawExtension[] =
    entry.reason === undefined ? [] : [{ oid: '2.5.29.21', critical: false, value: der.enumerated(entry.reason) }];
  const extensions = [...reason, ...(entry.extensions ?? [])];
  return der.sequence(
    der.tlv(0x02, entry.serial),
    der.time(entry.atMs ?? atMs - 2 * DAY_MS),
    ...(extensions.length === 0 ? [] : [der.sequence(...extensions.map(encodeExtension))]),
  );
}

export interface PointSpec {
  readonly uris?: readonly string[];
  /** DER of a Name, as a directoryName of fullName. */
  readonly directory?: Buffer;
  /** nameRelativeToCRLIssuer instead of fullName. */
  readonly relative?: boolean;
  readonly onlyUsers?: boolean;
  readonly onlyCas?: boolean;
  readonly onlySomeReasons?: boolean;
  readonly indirect?: boolean;
  readonly onlyAttributes?: boolean;
}

/** DistributionPointName in its tag, `CN=part` where it is relative; nothing when there is no name. */
function pointName({ uris = [], directory, relative }: PointSpec): readonly Buffer[] {
  const full = [
    ...uris.map((uri) => der.contextPrimitive(6, der.ia5Bytes(uri))),
    ...(directory === undefined ? [] : [der.contextConstructed(4, directory)]),
  ];
  const part = () => der.contextConstructed(1, der.sequence(der.oid('2.5.4.3'), der.utf8('part')));
  if (relative === true) return [der.contextConstructed(0, part())];
  return full.length === 0 ? [] : [der.contextConstructed(0, der.contextConstructed(0, ...full))];
}

/** CRLDistributionPoints of one point that is called so (RFC 5280 §4.2.1.13). */
export function distributionPoint(spec: Pick<PointSpec, 'uris' | 'directory' | 'relative'>): RawExtension {
  return { oid: '2.5.29.31', critical: false, value: der.sequence(der.sequence(...pointName(spec))) };
}

/** IssuingDistributionPoint (RFC 5280 §5.2.5). */
export function issuingPoint(spec: PointSpec): RawExtension {
  const flag = (number: number, value: boolean | undefined) =>
    value === true ? [der.contextPrimitive(number, Buffer.from([0xff]))] : [];
  const name = pointName(spec);
  const reasons = spec.onlySomeReasons === true ? [der.contextPrimitive(3, Buffer.from([0x00, 0x02]))] : [];
  return {
    oid: '2.5.29.28',
    critical: true,
    value: der.sequence(
      ...name,
      ...flag(1, spec.onlyUsers),
      ...flag(2, spec.onlyCas),
      ...reasons,
      ...flag(4, spec.indirect),
      ...flag(5, spec.onlyAttributes),
    ),
  };
}
