/** A trust store of clients on this machine, and the CA as it is known there. */
import type { Step } from './machine.ts';

export const STORE_KINDS = ['system', 'nss', 'java'] as const;
export type StoreKind = (typeof STORE_KINDS)[number];

/** What goes into a store. */
export interface TrustedCa {
  readonly file: string;
  readonly pem: string;
  /** SHA-256 of the certificate, hex. */
  readonly sha256: string;
}

export interface Store {
  readonly kind: StoreKind;
  /** Which one: a directory, a profile, a key store. */
  readonly where: string;
  /** What is missing to work with it, and how to get it; null: nothing. */
  readonly missing: string | null;
  /** Whether the store holds exactly this CA. */
  holds(ca: TrustedCa): boolean;
  install(ca: TrustedCa): readonly Step[];
  uninstall(ca: TrustedCa): readonly Step[];
}

/** Under this name a store knows the CA. One for each certificate, so that two can stand side by side in a rotation. */
export function nameOf({ sha256 }: TrustedCa): string {
  return `pinwarden-${sha256.slice(0, 16)}`;
}
