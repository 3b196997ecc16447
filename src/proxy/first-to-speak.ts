/**
 * Who speaks first in a bypassed tunnel. TLS clients do; in SSH or SMTP the server does, and would be waited for in
 * vain if we insisted on a hello.
 *
 * Does: wait for the client's first word, for any byte or the end of the upstream, or for the time to pass.
 * Does not: take a byte from the upstream.
 */
import type { Socket } from 'node:net';
import { Problem } from '../model/problem.ts';
import type { FirstBytes, FirstWord } from './hello.ts';

/**
 * The client's first word; null: the upstream was first, or nobody within `timeoutMs`.
 * @throws the reason of the aborted signal.
 */
export async function firstToSpeak(
  firstBytes: FirstBytes,
  upstream: Socket,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<FirstWord | null> {
  const spoke = Promise.withResolvers<null>();
  const onUpstream = (): void => spoke.resolve(null);
  upstream.once('readable', onUpstream).once('close', onUpstream);
  if (upstream.closed) onUpstream();
  const stop = new AbortController();
  try {
    const client = firstBytes.wait(timeoutMs, AbortSignal.any([signal, stop.signal]));
    // When the upstream wins, nobody waits for this one any more.
    client.catch(() => undefined);
    return await Promise.race([client, spoke.promise]);
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === 'hello.timeout') return null;
    throw thrown;
  } finally {
    stop.abort(new Problem('client.gone', 'client'));
    upstream.off('readable', onUpstream).off('close', onUpstream);
    upstream.pause();
  }
}
