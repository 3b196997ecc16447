import type { Clock } from '../host/clock.ts';
import type { Authority } from '../model/authority.ts';
import type { Der } from '../model/der.ts';
import { Problem } from '../model/problem.ts';
import type { AnchorSet } from '../verify/trust.ts';
import type { Line } from './line.ts';

export interface HandshakeAsk {
  readonly authority: Authority;
  /** What `resolve` permitted, in order. */
  readonly addresses: readonly string[];
  /** Protocol ids as latin1 strings (as ClientHello.alpn has them); empty: the extension is not sent. */
  readonly alpn: readonly string[];
  readonly anchors: AnchorSet;
  /** Goes into the Evidence as it is. */
  readonly completing: readonly Der[];
  readonly dialTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export function handshake(_ask: HandshakeAsk): Promise<Line> {
  return Promise.reject(new Problem('internal.failure', 'self'));
}
