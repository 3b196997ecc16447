/**
 * `healthcheck [--url URL]`: is the proxy beside us ready? For container engines, in images that hold no shell or curl.
 *
 * Does: one GET, which must be answered with 200 in time.
 * Does not: read the configuration, follow redirects or use a proxy: a health check costs as little as it can.
 */
import { get } from 'node:http';
import type { Io } from './io.ts';
import { EXIT_NO, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

/** The metrics address as it ships. */
const DEFAULT_URL = 'http://127.0.0.1:9464/readyz';
/** Below the three seconds that the image gives the whole check. */
const TIMEOUT_MS = 2000;
/** The readiness object has some hundred bytes. */
const MAX_BODY_BYTES = 4096;

/** @returns 0 when the answer is 200, 1 when it is another one or none came, 2 for a wrong command line. */
export async function runHealthcheck(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('healthcheck', io, async () => {
    const { values, positionals } = readArguments(argv, { url: { type: 'string', default: DEFAULT_URL } });
    if (positionals.length > 0) throw new UsageError('takes no operands');
    const answer = await ask(readUrl(values.url));
    io.out(`${answer.says}\n`);
    return answer.status === 200 ? EXIT_OK : EXIT_NO;
  });
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'http:') throw new UsageError(`--url must be an http:// URL`);
  return url;
}

interface Answer {
  /** 0: none came. */
  readonly status: number;
  /** One line. */
  readonly says: string;
}

async function ask(url: URL): Promise<Answer> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      const status = response.statusCode ?? 0;
      let body = '';
      const end = (): void => resolve({ status, says: `${status} ${body.trim()}` });
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk.slice(0, MAX_BODY_BYTES);
        if (body.length < MAX_BODY_BYTES) return;
        end();
        request.destroy();
      });
      response.once('end', end);
      response.once('error', (error) => resolve({ status: 0, says: error.message }));
    });
    request.once('error', (error) => resolve({ status: 0, says: `no answer from ${url.host}: ${error.message}` }));
  });
}
