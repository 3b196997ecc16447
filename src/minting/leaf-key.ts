/**
 * The leaf keys: one P-256 key for all minted leaves of a process, replaced at least once a day, and an RSA key beside
 * it from the moment that a client needs one.
 *
 * Does: make the key, count its generations. Does not: sign with it, store it, or share it with another process.
 * The caller must: not keep a key beyond its use; `keyPem` is for `tls.createSecureContext` only.
 */
import { generateKeyPair, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { Clock } from '../host/clock.ts';

/** A stolen leaf key is worth a day at most (REQ-28 of the threat model). */
export const LEAF_KEY_MAX_AGE_MS = 86_400_000;

/** What CA/Browser Forum BR §6.1.5 asks for at least; such clients know nothing better. */
const RSA_BITS = 2048;

const generateKeyPairAside = promisify(generateKeyPair);

export interface LeafKey {
  /** Counts up by one with each new key. */
  readonly generation: number;
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** PKCS#8 PEM. A function, so that printing the object prints no key. */
  keyPem(): string;
}

/** RSA is for old clients that cannot use a P-256 certificate. */
export type LeafKeyKind = 'p256' | 'rsa';

export interface LeafKeys {
  /** The P-256 key of now: the same until it is a day old. */
  current(): LeafKey;
  /** The RSA key. @throws TypeError before `prepareRsa`. */
  rsa(): LeafKey;
  /** Makes the RSA key unless there is one of today; aside, since it takes a tenth of a second. */
  prepareRsa(): Promise<void>;
}

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface Held {
  readonly key: LeafKey;
  readonly bornMs: number;
}

export function createLeafKeys(clock: Clock): LeafKeys {
  const isOld = ({ bornMs }: Held): boolean => clock.monotonicMs() - bornMs >= LEAF_KEY_MAX_AGE_MS;
  let p256: Held = { key: makeP256(1), bornMs: clock.monotonicMs() };
  let rsa: Held | null = null;
  let making: Promise<void> | null = null;
  const replaceRsa = async (): Promise<void> => {
    const key = await makeRsa((rsa?.key.generation ?? 0) + 1);
    rsa = { key, bornMs: clock.monotonicMs() };
  };
  return {
    current() {
      if (isOld(p256)) p256 = { key: makeP256(p256.key.generation + 1), bornMs: clock.monotonicMs() };
      return p256.key;
    },
    rsa() {
      if (rsa === null) throw new TypeError('prepareRsa comes first');
      return rsa.key;
    },
    async prepareRsa() {
      if (rsa !== null && !isOld(rsa)) return;
      making ??= replaceRsa().finally(() => {
        making = null;
      });
      await making;
    },
  };
}

function makeP256(generation: number): LeafKey {
  return leafKeyOf(generation, generateKeyPairSync('ec', { namedCurve: 'P-256' }));
}

async function makeRsa(generation: number): Promise<LeafKey> {
  return leafKeyOf(generation, await generateKeyPairAside('rsa', { modulusLength: RSA_BITS }));
}

function leafKeyOf(generation: number, { publicKey, privateKey }: KeyPair): LeafKey {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return Object.freeze({ generation, spki: publicKey.export({ type: 'spki', format: 'der' }), keyPem: () => pem });
}
