/** Where test corpora lie. They are not part of the repository; tests that need them are skipped when they are absent. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DEFAULT = fileURLToPath(new URL('../../../shared/corpora', import.meta.url));

/** Folder of one corpus, or null when it is absent. `PINWARDEN_CORPORA` names another place for all. */
export function corpora(name: string): string | null {
  const folder = join(process.env['PINWARDEN_CORPORA'] ?? DEFAULT, name);
  return existsSync(folder) ? folder : null;
}
