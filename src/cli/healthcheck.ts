/**
 * `healthcheck [--url URL] [--json]`: is the proxy beside us ready? For container engines, in images that hold no shell or curl.
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

const OPTIONS = {
  url: { type: 'string', default: DEFAULT_URL },
  json: { type: 'boolean', default: false },
} as const;

/** @returns 0 when the answer is 200, 1 when it is another one or none came, 2 for a wrong command line. */
export async function runHealthcheck(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('healthcheck', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    if (positionals.length > 0) throw new UsageError('takes no operands');
    const url = readUrl(values.url);
    const { status, says } = await ask(url);
    const isReady = status === 200;
    const next = isReady ? null : nextStep(status);
    if (values.json) io.out(`${JSON.stringify({ ok: isReady, url: url.href, status, says, next })}\n`);
    else io.out(`${status === 0 ? says : `${status} ${says}`}\n${next === null ? '' : `next: ${next}\n`}`);
    return isReady ? EXIT_OK : EXIT_NO;
  });
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'http:') throw new UsageError(`--url must be an http:// URL`);
  return url;
}

function nextStep(status: number): string {
  if (status === 0) return 'start the proxy (pinwarden run), or say where its metrics address is: --url URL';
  if (status === 503) return 'wait for what is false, or ask: pinwarden doctor';
  return 'say where the metrics address of the proxy is: --url URL';
}

interface Answer {
  /** 0: none came. */
  readonly status: number;
  /** What came, or why nothing did. */
  readonly says: string;
}

async function ask(url: URL): Promise<Answer> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      const status = response.statusCode ?? 0;
      let body = '';
      const end = (): void => resolve({ status, says: body.trim() });
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
