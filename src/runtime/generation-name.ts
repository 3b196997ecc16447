/**
 * The name of a generation: what the log, the status page, `pinwarden_config_hash_info` and `check` call it.
 *
 * Does not: tell two CAs of the proxy apart, or two places of the same files.
 */
import { createHash } from 'node:crypto';
import { dirname, relative } from 'node:path';
import type { TextFile } from '../policy/sources.ts';
import type { TrustMaterial } from './messages.ts';
import { digestOf } from './sources.ts';

/** What a name is over, besides trust. */
export interface Named {
  readonly configFile: TextFile;
  readonly sources: readonly TextFile[];
}

/** Over contents and over names relative to the configuration, so that replicas with other mount points agree. */
export function nameGeneration({ configFile, sources }: Named, trust: TrustMaterial): string {
  const home = dirname(configFile.file);
  const files = [configFile, ...sources].map(({ file, text }) => ({ file: relative(home, file), text }));
  return createHash('sha256')
    .update(digestOf(files))
    .update(digestTrust({ ...trust, ownCas: [] }))
    .digest('hex');
}

export function digestTrust(material: TrustMaterial): string {
  const { publicAnchors, publicAnchorFiles, systemAnchors, anchorFiles, logList, crls, ownCas } = material;
  const hash = createHash('sha256');
  const named = [...(publicAnchorFiles ?? []), ...anchorFiles, ...(material.intermediates ?? [])];
  const texts = [publicAnchors, systemAnchors ?? '', ...named.map(({ text }) => text), logList ?? '', ...ownCas];
  for (const one of texts) hash.update(`${one.length}\0`).update(one);
  const { signature, publicKeyPem } = material.logListSigned ?? { signature: '', publicKeyPem: '' };
  hash.update(signature).update(publicKeyPem);
  for (const { bytes } of crls) hash.update(bytes);
  return hash.digest('hex');
}
