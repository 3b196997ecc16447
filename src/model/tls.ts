/**
 * TLS versions and cipher suites that we speak upstream, and the floor that a rule sets under them. Pure data.
 *
 * Never in either list: NULL, anonymous, EXPORT, RC4, DES, 3DES, MD5, and finite-field DHE, whose groups a server
 * chooses up to TLS 1.2 and old ones choose too small.
 */

/** Lowest first. */
export const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** `default`: ECDHE with AEAD (RFC 9325 §4.2). `legacy`: CBC and RSA key exchange with AES as well. */
export type CipherPolicy = 'default' | 'legacy';

export interface TlsFloor {
  readonly minVersion: TlsVersion;
  readonly ciphers: CipherPolicy;
}

/** What holds unless a rule says otherwise (RFC 9325 §3.1.1). */
export const NORMAL_TLS_FLOOR: TlsFloor = Object.freeze({ minVersion: '1.2', ciphers: 'default' });
/** The lowest floor that a rule can ask for. */
export const LOWEST_TLS_FLOOR: TlsFloor = Object.freeze({ minVersion: '1.0', ciphers: 'legacy' });

export interface Cipher {
  readonly openssl: string;
  /** The name in IANA's registry, which Evidence has. */
  readonly standard: string;
  readonly policy: CipherPolicy;
}

function cipher(policy: CipherPolicy, openssl: string, standard = openssl): Cipher {
  return Object.freeze({ openssl, standard, policy });
}

/** In the order of preference; TLS 1.3 has only the first three. */
export const CIPHERS: readonly Cipher[] = Object.freeze([
  cipher('default', 'TLS_AES_256_GCM_SHA384'),
  cipher('default', 'TLS_CHACHA20_POLY1305_SHA256'),
  cipher('default', 'TLS_AES_128_GCM_SHA256'),
  cipher('default', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'),
  cipher('default', 'ECDHE-RSA-AES256-GCM-SHA384', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'),
  cipher('default', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'),
  cipher('default', 'ECDHE-RSA-CHACHA20-POLY1305', 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256'),
  cipher('default', 'ECDHE-ECDSA-AES128-GCM-SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'),
  cipher('default', 'ECDHE-RSA-AES128-GCM-SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'),
  cipher('legacy', 'ECDHE-ECDSA-AES256-SHA384', 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384'),
  cipher('legacy', 'ECDHE-RSA-AES256-SHA384', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384'),
  cipher('legacy', 'ECDHE-ECDSA-AES128-SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256'),
  cipher('legacy', 'ECDHE-RSA-AES128-SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256'),
  cipher('legacy', 'ECDHE-ECDSA-AES256-SHA', 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA'),
  cipher('legacy', 'ECDHE-RSA-AES256-SHA', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA'),
  cipher('legacy', 'ECDHE-ECDSA-AES128-SHA', 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA'),
  cipher('legacy', 'ECDHE-RSA-AES128-SHA', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA'),
  cipher('legacy', 'AES256-GCM-SHA384', 'TLS_RSA_WITH_AES_256_GCM_SHA384'),
  cipher('legacy', 'AES128-GCM-SHA256', 'TLS_RSA_WITH_AES_128_GCM_SHA256'),
  cipher('legacy', 'AES256-SHA256', 'TLS_RSA_WITH_AES_256_CBC_SHA256'),
  cipher('legacy', 'AES128-SHA256', 'TLS_RSA_WITH_AES_128_CBC_SHA256'),
  cipher('legacy', 'AES256-SHA', 'TLS_RSA_WITH_AES_256_CBC_SHA'),
  cipher('legacy', 'AES128-SHA', 'TLS_RSA_WITH_AES_128_CBC_SHA'),
]);

const POLICY_OF_CIPHER: ReadonlyMap<string, CipherPolicy> = new Map(
  CIPHERS.map(({ standard, policy }) => [standard, policy]),
);

/** What two ends agreed on, as Evidence has it: `TLSv1.2` and IANA's name of the suite. */
export interface Agreed {
  readonly tlsVersion: string | null;
  readonly cipher: string | null;
}

/** `TLSv1.2` → `1.2`; null: none that we speak. */
export function readTlsVersion(protocol: string | null): TlsVersion | null {
  if (protocol === 'TLSv1') return '1.0';
  return TLS_VERSIONS.find((version) => protocol === `TLSv${version}`) ?? null;
}

/** True when `one` is an older version than `other`. */
export function isOlder(one: TlsVersion, other: TlsVersion): boolean {
  return TLS_VERSIONS.indexOf(one) < TLS_VERSIONS.indexOf(other);
}

/** False for versions and suites that are not in the lists above, whatever the floor. */
export function meetsTlsFloor({ tlsVersion, cipher: suite }: Agreed, floor: TlsFloor): boolean {
  const version = readTlsVersion(tlsVersion);
  const policy = suite === null ? undefined : POLICY_OF_CIPHER.get(suite);
  if (version === null || policy === undefined || isOlder(version, floor.minVersion)) return false;
  return policy === 'default' || floor.ciphers === 'legacy';
}

/** `TLS 1.2 and later, ECDHE with AEAD`. */
export function printTlsFloor({ minVersion, ciphers }: TlsFloor): string {
  const versions = minVersion === '1.3' ? 'TLS 1.3' : `TLS ${minVersion} and later`;
  return `${versions}, ${ciphers === 'legacy' ? 'legacy ciphers too' : 'ECDHE with AEAD'}`;
}
