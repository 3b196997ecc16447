/**
 * The leaf key: one P-256 key for all minted leaves of a process, replaced at least once a day.
 *
 * Does: make the key, count its generations. Does not: sign with it, store it, or share it with another process.
 * The caller must: not keep a key beyond its use; `keyPem` is for `tls.createSecureContext` only.
 */
import { generateKeyPairSync } from 'node:crypto';
import type { Clock } from '../host/clock.ts';

/** A stolen leaf key is worth a day at most (REQ-28 of the threat model). */
export const LEAF_KEY_MAX_AGE_MS = 86_400_000;

export interface LeafKey {
  /** Counts up by one with each new key. */
  readonly generation: number;
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** PKCS#8 PEM. A function, so that printing the object prints no key. */
  keyPem(): string;
}

export interface LeafKeys {
  /** The key of now: the same until it is a day old. */
  current(): LeafKey;
}

export function createLeafKeys(clock: Clock): LeafKeys {
  let bornMs = clock.monotonicMs();
  let key = makeKey(1);
  return {
    current() {
      const nowMs = clock.monotonicMs();
      if (nowMs - bornMs >= LEAF_KEY_MAX_AGE_MS) {
        bornMs = nowMs;
        key = makeKey(key.generation + 1);
      }
      return key;
    },
  };
}

function makeKey(generation: number): LeafKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return Object.freeze({ generation, spki: publicKey.export({ type: 'spki', format: 'der' }), keyPem: () => pem });
}
