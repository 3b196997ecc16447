/** A headless Chromium with a HOME, a profile and an NSS store of its own: nothing of the machine's trust is touched. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QUIET } from './chromium.ts';
import { plainEnv, run } from './client.ts';

export interface Browser {
  /** Its HOME, with an empty NSS store in the usual place. */
  readonly home: string;
  /** The page's document as Chromium shows it, fetched through the proxy; an error page when it does not trust. */
  open(url: string, proxyPort: number): Promise<string>;
  close(): void;
}

/** Needs `chromium` and `certutil`. */
export function openBrowser(): Browser {
  const home = mkdtempSync(join(tmpdir(), 'pinwarden-browser-'));
  const database = join(home, '.pki/nssdb');
  mkdirSync(database, { recursive: true });
  execFileSync('certutil', ['-N', '-d', `sql:${database}`, '--empty-password'], { stdio: 'ignore' });
  return {
    home,
    async open(url, proxyPort) {
      const own = [`--user-data-dir=${join(home, 'profile')}`, `--proxy-server=http://127.0.0.1:${proxyPort}`];
      const env = plainEnv({ HOME: home });
      return (await run('chromium', [...QUIET, ...own, '--dump-dom', url], { env, timeoutMs: 100_000 })).stdout;
    },
    close: () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }),
  };
}
