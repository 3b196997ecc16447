/**
 * Reads the files that a trust snapshot is built from. Runs in the supervisor; workers get the texts.
 *
 * Does not: parse (trust-loader.ts does).
 */
import { fileURLToPath } from 'node:url';
import { FileError, readBytes, readText } from '../host/files.ts';
import type { Config } from '../policy/config.ts';
import type { TextFile } from '../policy/load.ts';
import type { AnchorsChoice, Policy } from '../policy/policy.ts';
import type { TrustMaterial } from './messages.ts';

/** The largest system store seen is 600 KiB, the frozen public set 200 KiB. */
const MAX_ANCHOR_BYTES = 8 * 1024 * 1024;
/** The limit of pki/ct/log-list.ts. */
const MAX_LOG_LIST_BYTES = 1024 * 1024;
/** Keys and signatures of RSA with 8,192 bits have some 1.5 KiB. */
const MAX_SIGNATURE_BYTES = 16 * 1024;
/** The largest CRLs of public CAs have some 10 MiB. */
const MAX_CRL_BYTES = 32 * 1024 * 1024;

/** Relative to this file, both under src/ and under dist/. */
const PUBLIC_ANCHORS_FILE = fileURLToPath(new URL('../../config/anchors/public.json', import.meta.url));
/** Debian and Alpine, Red Hat, SUSE, FreeBSD and macOS, in this order. */
const SYSTEM_STORES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** Every choice of anchors that the configuration or a rule makes. */
export function anchorChoices(config: Config, policy: Policy): readonly AnchorsChoice[] {
  const rules = policy.unmatched.action === 'judge' ? [...policy.rules, policy.unmatched.rule] : policy.rules;
  return [config.anchors, ...rules.map((rule) => rule.anchors)];
}

/** @throws FileError when a file that was named is missing or unusable; a missing system store is null. */
export function readTrustMaterial(config: Config, policy: Policy, ownCas: readonly string[]): TrustMaterial {
  const { publicAnchors, intermediates, crl, ct } = config;
  const files = new Set(
    anchorChoices(config, policy).flatMap((choice) => (typeof choice === 'string' ? [] : choice.files)),
  );
  return {
    publicAnchors: readText(PUBLIC_ANCHORS_FILE, MAX_ANCHOR_BYTES),
    ...(publicAnchors !== null && { publicAnchorFiles: publicAnchors.map(readAnchorFile) }),
    systemAnchors: readSystemAnchors(),
    anchorFiles: [...files].map(readAnchorFile),
    ...readLogList(ct),
    ct: { profile: ct.profile, maxListAgeMs: ct.maxListAgeMs },
    crls: crl.files.map(readCrl),
    intermediates: intermediates.map(readAnchorFile),
    ownCas,
  };
}

/** The list with what it is signed by. @throws FileError */
export function readLogList({ logList, signed }: Config['ct']): Pick<TrustMaterial, 'logList' | 'logListSigned'> {
  return {
    logList: logList === null ? null : readText(logList, MAX_LOG_LIST_BYTES),
    ...(signed !== null && { logListSigned: readSignature(signed) }),
  };
}

/** @throws FileError */
export function readCrl(file: string): TrustMaterial['crls'][number] {
  return { file, bytes: readBytes(file, MAX_CRL_BYTES) };
}

/** @throws FileError */
export function readAnchorFile(file: string): TextFile {
  return { file, text: readText(file, MAX_ANCHOR_BYTES) };
}

function readSignature({ keyFile, signatureFile }: NonNullable<Config['ct']['signed']>) {
  return { signature: readSigned(signatureFile), publicKeyPem: readSigned(keyFile).toString() };
}

/** A key or a signature. @throws FileError */
export function readSigned(file: string): Buffer {
  return readBytes(file, MAX_SIGNATURE_BYTES);
}

/** PEM of the system's trust store; null: there is none that we know. */
export function readSystemAnchors(): string | null {
  for (const file of SYSTEM_STORES) {
    try {
      return readText(file, MAX_ANCHOR_BYTES);
    } catch (thrown) {
      if (!(thrown instanceof FileError)) throw thrown;
    }
  }
  return null;
}
