/** Every trust store of this machine that we can look after. */
import { javaStores } from './java.ts';
import type { Machine } from './machine.ts';
import { nssStores } from './nss.ts';
import { STORE_KINDS, type Store, type StoreKind } from './store.ts';
import { systemStores } from './system.ts';

/** TRUST_STORES: kinds with commas; absent or empty: all. Null: a word in it is no kind. */
export function readStoreKinds(text: string | undefined): readonly StoreKind[] | null {
  const words = (text ?? '').split(',').flatMap((word) => word.trim().toLowerCase() || []);
  if (words.length === 0) return STORE_KINDS;
  const kinds = STORE_KINDS.filter((kind) => words.includes(kind));
  return words.every((word) => kinds.some((kind) => kind === word)) ? kinds : null;
}

export function findStores(kinds: readonly StoreKind[], machine: Machine): readonly Store[] {
  const all = [...systemStores(machine), ...nssStores(machine), ...javaStores(machine)];
  return all.filter(({ kind }) => kinds.includes(kind));
}
