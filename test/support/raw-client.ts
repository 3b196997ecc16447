/** A client that sends any bytes over one connection to the proxy, and knows how that connection ended. */
import type { Socket } from 'node:net';
import { dialLocal, eventually } from './sockets.ts';

export type Ending = 'open' | 'fin' | 'reset';

export class RawClient {
  readonly socket: Socket;
  /** Everything that came, latin1. */
  text = '';
  ending: Ending = 'open';
  readonly #ended = Promise.withResolvers<void>();

  constructor(port: number) {
    this.socket = dialLocal(port);
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('end', () => {
      if (this.ending === 'open') this.ending = 'fin';
      this.#ended.resolve();
    });
    this.socket.on('error', (error) => {
      this.ending = error.message === 'late' ? 'open' : 'reset';
      this.#ended.resolve();
    });
    this.socket.on('close', () => this.#ended.resolve());
  }

  send(bytes: string): this {
    this.socket.write(bytes, 'latin1');
    return this;
  }

  /** Waits for a text in what came; rejects with all that came. */
  async until(part: string | RegExp): Promise<this> {
    await eventually(`${String(part)} in what came`, () => this.has(part)).catch((cause) => {
      throw new Error(`${String(part)} is not in ${JSON.stringify(this.text)}`, { cause });
    });
    return this;
  }

  /** Waits for the end of the connection, and says how it came. */
  async end(withinMs = 30_000): Promise<Ending> {
    const late = setTimeout(() => this.socket.destroy(new Error('late')), withinMs);
    await this.#ended.promise;
    clearTimeout(late);
    this.socket.destroy();
    return this.ending;
  }

  /** Status codes of the final and informational responses so far. */
  statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map((match) => Number(match[1]));
  }

  has(part: string | RegExp): boolean {
    return typeof part === 'string' ? this.text.includes(part) : part.test(this.text);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The head of a plain request for `authority`, with fields as they are given. */
export function plainHead(line: string, authority: string, ...fields: readonly string[]): string {
  const [method = '', path = ''] = line.split(' ');
  return [`${method} http://${authority}${path} HTTP/1.1`, `Host: ${authority}`, ...fields, '', ''].join('\r\n');
}
