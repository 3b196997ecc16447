/**
 * Who asks. Made once by admission (proxy/admission.ts) and carried along the straight line: policy, limits and records
 * read the same value.
 */

export interface Client {
  /** Peer address in canonical text form (IPv4-mapped addresses as IPv4); `unix` for a unix socket. */
  readonly address: string;
  /** Peer port; 0 for a unix socket. */
  readonly port: number;
  /** Proven user name or SPIFFE id; null: not asked for. */
  readonly user: string | null;
  /** Names of the client groups of the configuration that this client belongs to, in the order of the file. */
  readonly groups: readonly string[];
}
