/**
 * The lane `bypass`: bytes pass unread to the host that was asked for, and to no other.
 *
 * Does: make the evidence of a connection that nobody looks into; hold the client to the host when its first bytes are
 * TLS (domain fronting, threat B01); relay.
 * Does not: terminate or judge TLS. What is not TLS passes.
 * The caller must: hold a permit for this evidence and have put the client's first bytes back into its socket.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../host/clock.ts';
import type { Authority } from '../../model/authority.ts';
import type { Code } from '../../model/codes.ts';
import type { Evidence } from '../../model/evidence.ts';
import type { RawLine } from '../../upstream/line.ts';
import type { Permit } from '../../verify/permit.ts';
import { ClientHelloReader } from '../../wire/client-hello.ts';
import { serverNameProblem } from '../hello.ts';
import type { Limits } from '../limits.ts';
import { type Guard, type Relayed, type RelayOptions, relay } from './relay.ts';

/** Evidence of a plain TCP connection: where it leads, and that nothing was seen on it. */
export function rawEvidence(authority: Authority, address: string, clock: Clock, dialMs: number): Evidence {
  return Object.freeze({
    authority,
    assurance: 'none',
    address,
    serverName: null,
    alpnOffered: Object.freeze([]),
    alpn: null,
    tlsVersion: null,
    cipher: null,
    group: null,
    chain: Object.freeze([]),
    completing: Object.freeze([]),
    staple: null,
    openssl: 'none',
    resumed: false,
    seenAtMs: clock.nowMs(),
    handshakeMs: dialMs,
  });
}

export interface BypassWork {
  readonly permit: Permit;
  readonly line: RawLine;
  readonly client: Socket;
  readonly limits: Limits;
  readonly cut: AbortSignal;
  readonly onBytes: NonNullable<RelayOptions['onBytes']>;
}

export interface Bypassed extends Relayed {
  /** Why the guard cut, when it did. */
  readonly code: Code | null;
}

/** Never rejects for anything that client or upstream do. @throws when the permit is not for this line. */
export async function bypass(work: BypassWork): Promise<Bypassed> {
  const { permit, line, limits } = work;
  permit.use(line.evidence);
  const guard = createServerNameGuard(line.evidence.authority);
  const relayed = await relay(work.client, line.socket, {
    idleTimeoutMs: limits.idleTimeoutMs,
    halfCloseTimeoutMs: limits.halfCloseTimeoutMs,
    cut: work.cut,
    onBytes: work.onBytes,
    guard,
  });
  return { ...relayed, code: guard.code() };
}

/** Holds the client's first bytes until they are a hello for this host, or no TLS at all. */
export function createServerNameGuard(authority: Authority): Guard & { code(): Code | null } {
  const reader = new ClientHelloReader();
  let code: Code | null = null;
  return {
    code: () => code,
    push(chunk) {
      const reading = reader.feed(chunk);
      switch (reading.kind) {
        case 'need-more':
          return 'hold';
        case 'not-tls':
          return 'pass';
        case 'hello':
          code = serverNameProblem(reading.hello, authority)?.code ?? null;
          return code === null ? 'pass' : 'cut';
        case 'malformed':
        case 'too-large':
          code = `hello.${reading.kind}`;
          return 'cut';
      }
    },
  };
}
