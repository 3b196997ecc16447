/**
 * The lane `terminate`: TLS towards the client with a leaf of ours, over the very upstream connection that was judged.
 *
 * Does: use up the permit, put our TLS on the client's socket, mirror the upstream's ALPN choice and never a higher
 * version, then relay. Names clients that refuse our certificate.
 * Does not: judge or record.
 * The caller must: have put the whole hello back into the client's socket, paused; `context` must be of this host.
 */
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { ClientTlsVersion } from '../../minting/shelf.ts';
import type { Evidence } from '../../model/evidence.ts';
import type { CloseReason } from '../../observe/recorder.ts';
import type { Line } from '../../upstream/line.ts';
import type { Permit } from '../../verify/permit.ts';
import type { Limits } from '../limits.ts';
import { type Relayed, type RelayOptions, relay } from './relay.ts';

export interface TerminateWork {
  readonly permit: Permit;
  readonly line: Line;
  readonly client: Socket;
  readonly context: SecureContext;
  readonly limits: Limits;
  readonly cut: AbortSignal;
  readonly onBytes: NonNullable<RelayOptions['onBytes']>;
}

export interface Terminated extends Relayed {
  /** The alert by which the client refused our handshake, `closed` when it went without one and without a byte. */
  readonly clientAlert: string | null;
}

/**
 * The highest version to offer: the upstream's, so that nobody looks safer than they are (REQ-15). Never below TLS 1.2:
 * what `unsafeTls` allows upstream is no reason to speak it with clients.
 */
export function mirroredVersion(evidence: Evidence): ClientTlsVersion {
  return evidence.tlsVersion === 'TLSv1.3' ? 'TLSv1.3' : 'TLSv1.2';
}

/** Never rejects for anything that client or upstream do. @throws when the permit is not for this line. */
export async function terminate(work: TerminateWork): Promise<Terminated> {
  const { permit, line, client, limits } = work;
  permit.use(line.evidence);
  const secured = new TLSSocket(client, {
    isServer: true,
    secureContext: work.context,
    ...(line.evidence.alpn === null ? {} : { ALPNProtocols: alpnList(line.evidence.alpn) }),
  });
  const greeting = await greet(secured, line, limits.handshakeTimeoutMs, work.cut);
  if (greeting !== 'secure') {
    secured.destroy();
    client.destroy();
    line.socket.destroy();
    return { bytesUp: 0, bytesDown: 0, errorCode: null, ...greeting };
  }
  const relayed = await relay(secured, line.socket, {
    idleTimeoutMs: limits.idleTimeoutMs,
    halfCloseTimeoutMs: limits.halfCloseTimeoutMs,
    cut: work.cut,
    onBytes: work.onBytes,
  });
  client.destroy();
  // Some clients finish the handshake and then go when they do not trust the leaf: no alert, and not a byte.
  const silent =
    relayed.bytesUp === 0 && relayed.bytesDown === 0 && (relayed.reason === 'client' || relayed.reason === 'error');
  return { ...relayed, clientAlert: silent ? 'closed' : null };
}

/** A list of one protocol id in the form of RFC 7301 §3.1; ids are bytes, not text. */
function alpnList(name: string): Buffer {
  const bytes = Buffer.from(name, 'latin1');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

type Greeting = 'secure' | { readonly reason: CloseReason; readonly clientAlert: string | null };

/** The handshake with the client. Every way in which it can end, ends the wait. */
function greet(secured: TLSSocket, line: Line, timeoutMs: number, cut: AbortSignal): Promise<Greeting> {
  return new Promise((resolve) => {
    let alert: string | null = null;
    const timer = setTimeout(() => end({ reason: 'idle', clientAlert: null }), timeoutMs);
    const onCut = (): void => end({ reason: cut.reason as CloseReason, clientAlert: null });
    const onUpstreamClose = (): void => end({ reason: 'upstream', clientAlert: null });
    const end = (greeting: Greeting): void => {
      clearTimeout(timer);
      cut.removeEventListener('abort', onCut);
      line.socket.off('close', onUpstreamClose);
      resolve(greeting);
    };
    secured.on('error', (error: NodeJS.ErrnoException) => {
      alert ??= alertOf(error.code);
    });
    // Without a tls.Server, Node keeps TLS errors after the handshake to this event and leaves the socket open.
    secured.on('_tlsError', (error: Error) => secured.destroy(error));
    secured.once('secure', () => end('secure'));
    // A half-open socket that ends in the handshake does not close by itself.
    secured.once('end', () => end({ reason: 'client', clientAlert: 'closed' }));
    secured.once('close', () => end({ reason: alert === null ? 'client' : 'refused', clientAlert: alert ?? 'closed' }));
    line.socket.once('close', onUpstreamClose);
    cut.addEventListener('abort', onCut);
    if (cut.aborted) onCut();
    else if (line.socket.destroyed) onUpstreamClose();
  });
}

/** `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA` and `ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE` → the alert's name; null: not an alert. */
export function alertOf(code: string | undefined): string | null {
  return /_ALERT_([A-Z0-9_]+)$/.exec(code ?? '')?.[1]?.toLowerCase() ?? null;
}
