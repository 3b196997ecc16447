/**
 * A headless Chromium that is asked over its debugging protocol: what a page logs, how it looks in light and dark and at
 * which width. With a profile of its own; nothing of the machine is touched.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QUIET } from './chromium.ts';
import { plainEnv } from './client.ts';

export interface Look {
  readonly scheme: 'light' | 'dark';
  /** CSS pixels. */
  readonly width: number;
  readonly height?: number;
}

export interface Seen {
  /** Errors and warnings of the console: blocked styles, failed loads, thrown errors. */
  readonly complaints: readonly string[];
  /** Requests that the page made until it was loaded, itself included. */
  readonly requests: readonly string[];
  /** The whole page, PNG. */
  readonly png: Buffer;
  /** What `expressions` gave. */
  readonly values: readonly unknown[];
}

export interface Devtools {
  /** Opens `url` in a fresh tab and evaluates JavaScript `expressions` in it. */
  see(url: string, look: Look, expressions?: readonly string[]): Promise<Seen>;
  close(): Promise<void>;
}

type Message = Readonly<Record<string, unknown>>;

/** Needs `chromium`. */
export async function openDevtools(): Promise<Devtools> {
  const profile = mkdtempSync(join(tmpdir(), 'pinwarden-devtools-'));
  const child = spawn(
    'chromium',
    [...QUIET, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
    {
      env: plainEnv({ HOME: profile }),
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const port = await debuggingPort(child);
  return {
    async see(url, look, expressions = []) {
      const made = await fetch(`http://127.0.0.1:${port}/json/new?about:blank`, { method: 'PUT' });
      const { webSocketDebuggerUrl, id } = (await made.json()) as { webSocketDebuggerUrl: string; id: string };
      try {
        return await lookAt(await connectTab(webSocketDebuggerUrl), url, look, expressions);
      } finally {
        await fetch(`http://127.0.0.1:${port}/json/close/${id}`);
      }
    },
    async close() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function debuggingPort(child: ChildProcess): Promise<number> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const port = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once('exit', () => reject(new Error(`chromium ended:\n${text}`)));
  });
}

interface Tab {
  ask(method: string, params?: Message): Promise<Message>;
  /** Waits for an event that is so; one that has come already will do. */
  until(condition: (event: Message) => boolean): Promise<void>;
  readonly events: readonly Message[];
  close(): void;
}

async function connectTab(address: string): Promise<Tab> {
  const socket = new WebSocket(address);
  const events: Message[] = [];
  const answers = new Map<number, (message: Message) => void>();
  let arrived = Promise.withResolvers<void>();
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (typeof message['id'] === 'number') answers.get(message['id'])?.(message);
    else events.push(message);
    arrived.resolve();
    arrived = Promise.withResolvers();
  });
  await once(socket, 'open');
  let count = 0;
  return {
    events,
    async ask(method, params = {}) {
      count += 1;
      const answer = Promise.withResolvers<Message>();
      answers.set(count, answer.resolve);
      socket.send(JSON.stringify({ id: count, method, params }));
      const message = await answer.promise;
      if (message['error'] !== undefined) throw new Error(`${method}: ${JSON.stringify(message['error'])}`);
      return message['result'] as Message;
    },
    async until(condition) {
      while (!events.some(condition)) await arrived.promise;
    },
    close: () => socket.close(),
  };
}

async function lookAt(tab: Tab, url: string, look: Look, expressions: readonly string[]): Promise<Seen> {
  for (const domain of ['Page', 'Log', 'Network', 'Runtime']) await tab.ask(`${domain}.enable`);
  await tab.ask('Page.setLifecycleEventsEnabled', { enabled: true });
  const { scheme, width, height = 900 } = look;
  await tab.ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await tab.ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  const { loaderId } = await tab.ask('Page.navigate', { url });
  // Of this document: that of the fresh tab may still be loading as well.
  await tab.until(({ method, params }) => method === 'Page.lifecycleEvent' && isLoad(params as Message, loaderId));
  const of = (method: string): readonly Message[] =>
    tab.events.filter((event) => event['method'] === method).map((event) => event['params'] as Message);
  // Those of now: the page may ask to be loaded again after a while.
  const requests = of('Network.requestWillBeSent').map(({ request }) => (request as { readonly url: string }).url);
  const values: unknown[] = [];
  for (const expression of expressions) {
    const { result } = (await tab.ask('Runtime.evaluate', { expression, returnByValue: true })) as {
      readonly result: { readonly value?: unknown };
    };
    values.push(result.value);
  }
  const shot = await tab.ask('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
  tab.close();
  const logged = of('Log.entryAdded').map(({ entry }) => JSON.stringify(entry));
  const thrown = [...of('Runtime.exceptionThrown'), ...of('Runtime.consoleAPICalled')].map((one) =>
    JSON.stringify(one),
  );
  return {
    complaints: [...logged, ...thrown],
    requests,
    png: Buffer.from(String(shot['data']), 'base64'),
    values,
  };
}

const isLoad = (event: Message, loaderId: unknown) => event['name'] === 'load' && event['loaderId'] === loaderId;
