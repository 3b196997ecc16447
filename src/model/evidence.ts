/**
 * Evidence: everything a verdict may depend on that came from one connection, as plain frozen data.
 *
 * The socket world makes it (upstream/handshake.ts), everything after it is a pure function: `verify`, `explain`,
 * `replay`, the audit record and the re-judging of open tunnels run the same code on it as the data plane.
 */
import type { Authority } from './authority.ts';
import type { Der } from './der.ts';

/** How much the verdict is worth: judged on the connection that carries the bytes, on another one, or not at all. */
export type Assurance = 'connection' | 'preflight' | 'none';

export interface Evidence {
  readonly authority: Authority;
  readonly assurance: Assurance;
  /** A plain HTTP request: there is no TLS that could be judged. Absent: TLS, or bytes that nobody looks into. */
  readonly protocol?: 'http';
  /** The address that was dialled, canonical text; the checked address is the dialled one. `null`: judged offline. */
  readonly address: string | null;
  /** The server name sent upstream; null for IP literals. */
  readonly serverName: string | null;
  readonly alpnOffered: readonly string[];
  readonly alpn: string | null;
  /** `TLSv1.3`, `TLSv1.2`, under `unsafeTls` also `TLSv1.1` and `TLSv1`; null: offline or bypass. */
  readonly tlsVersion: string | null;
  readonly cipher: string | null;
  readonly group: string | null;
  /** The presented list, leaf first, exactly as sent: order, duplicates and junk included. */
  readonly chain: readonly Der[];
  /** Intermediates from our pool that may complete a path; copied here so that a replay gives the same answer. */
  readonly completing: readonly Der[];
  readonly staple: Der | null;
  /** `none`: offline. `accepted`, or the X509_V_ERR name that OpenSSL gave (`CERT_HAS_EXPIRED`). Evidence, not verdict. */
  readonly openssl: string;
  readonly resumed: boolean;
  /** Milliseconds since the epoch: the time at which validity periods are judged. */
  readonly seenAtMs: number;
  readonly handshakeMs: number;
}
