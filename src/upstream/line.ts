/**
 * A line is one upstream connection together with what is known about it. The two are never separated: the permit
 * that a lane needs belongs to this Evidence, and these bytes may flow over this socket only.
 *
 * The caller must: own the socket from here on (an error listener of ours stays attached, so that an error between two
 * owners cannot end the process), and resume it: it comes paused, nothing has been read from it.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Evidence } from '../model/evidence.ts';

/** A finished TLS handshake: judged, relayed through `terminate`, or thrown away by `preflight`. */
export interface Line {
  readonly socket: TLSSocket;
  readonly evidence: Evidence;
}

/** A TCP connection without TLS of ours: `bypass`, and the spliced leg of `preflight`. */
export interface RawLine {
  readonly socket: Socket;
  readonly evidence: Evidence;
}
