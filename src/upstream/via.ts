/**
 * A tunnel through another HTTP proxy: CONNECT over a connection to it, and its answer.
 *
 * Does: ask for the tunnel and read a bounded answer in bounded time; the socket it gives speaks to the destination.
 * Does not: resolve the destination (the other proxy does), authenticate, or speak TLS to the proxy.
 * The caller must: treat the far end as unproven: the proxy may connect anywhere, so the chain behind it is judged as
 * any other. The Evidence names the proxy's address, since that is what was dialled.
 */
import type { Socket } from 'node:net';
import { type Authority, printAuthority } from '../model/authority.ts';
import { Problem } from '../model/problem.ts';
import { clip } from '../model/text.ts';
import { readConnectReply } from '../wire/connect-reply.ts';
import { abortProblem, type Dialled, dial } from './dial.ts';

export interface ViaAsk {
  /** Addresses of the proxy, as `resolve` permitted them. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly destination: Authority;
  /** For the dial, and once more for the answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Throws Problem `dial.*` when the proxy cannot be reached or refuses (`dial.failed`, facts: `via`, `status`, `reason`),
 * `dial.timeout` when it does not answer, or the reason of the aborted signal.
 */
export async function dialVia(ask: ViaAsk): Promise<Dialled> {
  const dialled = await dial(ask.addresses, ask.port, { timeoutMs: ask.timeoutMs, signal: ask.signal });
  try {
    await openTunnel(dialled.socket, ask);
    return dialled;
  } catch (thrown) {
    dialled.socket.destroy();
    throw thrown;
  }
}

function openTunnel(socket: Socket, { destination, timeoutMs, signal }: ViaAsk): Promise<void> {
  const authority = printAuthority(destination);
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const end = (problem: Problem | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('data', onData).off('close', onClose).off('end', onClose).pause();
      if (problem === null) resolve();
      else reject(problem);
    };
    const refuse = (facts: Readonly<Record<string, string | number>>): void =>
      end(new Problem('dial.failed', 'upstream', { via: 'proxy', ...facts }));
    const onClose = (): void => refuse({ reason: 'the proxy closed without an answer' });
    const onAbort = (): void => end(abortProblem(signal));
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const reply = readConnectReply(bytes);
      if (reply.is === 'incomplete') return;
      if (reply.is === 'malformed') refuse({ reason: `the proxy's answer is not HTTP (${reply.why})` });
      else if (reply.status < 200 || reply.status > 299) refuse({ status: reply.status, reason: clip(reply.reason) });
      else {
        end(null);
        if (bytes.length > reply.headBytes) socket.unshift(bytes.subarray(reply.headBytes));
      }
    };
    const timer = setTimeout(() => end(new Problem('dial.timeout', 'upstream', { via: 'proxy' })), timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('data', onData).once('close', onClose).once('end', onClose);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  });
}
