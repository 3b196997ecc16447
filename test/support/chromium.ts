/** Pictures of pages that a test serves on loopback, by a headless Chromium with a profile of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './client.ts';
import { closeServer, listen } from './sockets.ts';

/** Without a window, without calls home. */
export const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Picture {
  readonly width: number;
  readonly height: number;
}

/** Serves `html` and writes what it looks like as PNG. Rejects with Chromium's words when there is no picture. */
export async function photograph(html: string, file: string, { width, height }: Picture): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), 'pinwarden-chromium-'));
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
    response.end(html);
  });
  try {
    const port = await listen(server);
    const own = [
      '--hide-scrollbars',
      `--user-data-dir=${profile}`,
      `--window-size=${width},${height}`,
      `--screenshot=${file}`,
    ];
    const { stderr } = await run('chromium', [...QUIET, ...own, `http://127.0.0.1:${port}/`], { timeoutMs: 100_000 });
    if (!stderr.includes('written to file')) throw new Error(`no picture:\n${stderr}`);
  } finally {
    server.closeAllConnections();
    await closeServer(server);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
