/** Reads the vectors of BoringSSL's pki tests: text with PEM blocks of any label, comments around them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpora } from './corpora.ts';

const folder = corpora('boringssl-pki');

/** Folder of one suite (`parse_certificate_unittest`), or null when the corpus is absent. */
export function vectors(suite: string): string | null {
  return folder === null ? null : join(folder, 'pki', 'testdata', suite);
}

/** Names of the PEM files of a suite; empty when the corpus is absent. */
export function vectorFiles(suite: string): readonly string[] {
  const from = vectors(suite);
  return from === null
    ? []
    : readdirSync(from)
        .filter((file) => file.endsWith('.pem'))
        .sort();
}

/** Label → bytes of the blocks of one file. */
export function vector(suite: string, file: string): ReadonlyMap<string, Buffer> {
  const text = readFileSync(join(vectors(suite) ?? '', file), 'latin1');
  const blocks = text.matchAll(/^-----BEGIN ([A-Z _]+)-----\n([A-Za-z0-9+/=\s]*)-----END \1-----/gm);
  return new Map([...blocks].map(([, label = '', body = '']) => [label, Buffer.from(body, 'base64')]));
}
