import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findStores, readStoreKinds } from '../../../src/cli/stores/all.ts';
import { nameOf } from '../../../src/cli/stores/store.ts';
import { openLab } from './store-support.ts';

it('reads TRUST_STORES as mkcert does', () => {
  expect(readStoreKinds('system,windows')).toBeNull();
  expect(readStoreKinds('all')).toBeNull();
  expect(readStoreKinds(undefined)).toEqual(['system', 'nss', 'java']);
  expect(readStoreKinds(' , ')).toEqual(['system', 'nss', 'java']);
  expect(readStoreKinds('java, System')).toEqual(['system', 'java']);
});

it('finds the stores that are asked for, and names a CA the same in each', () => {
  const lab = openLab();
  lab.makeDirectory('usr/local/share/ca-certificates');
  lab.fakeTool('update-ca-certificates');
  lab.fakeTool('keytool');
  writeFileSync(join(lab.makeDirectory('home/.pki/nssdb'), 'cert9.db'), '');
  const kinds = (text: string) => findStores(readStoreKinds(text)!, lab.machine()).map(({ kind }) => kind);
  expect(kinds('')).toEqual(['system', 'nss', 'java']);
  expect(kinds('nss')).toEqual(['nss']);
  expect(nameOf({ file: '', pem: '', sha256: 'ab'.repeat(32) })).toBe(`pinwarden-${'ab'.repeat(8)}`);
  lab.close();
});
