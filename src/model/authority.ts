/**
 * The authority a client asked for, parsed once. The same object is used for policy, DNS, SNI, minting, metrics and
 * records: nothing downstream parses a host again. Parsing lives in wire/authority.ts.
 */

/** Canonical host: lower-case A-labels without a trailing dot, or an IP literal in its canonical text form without brackets. */
export interface Authority {
  readonly host: string;
  readonly kind: 'name' | 'ipv4' | 'ipv6';
  /** 1 to 65535. */
  readonly port: number;
}

/** `host:port`, with brackets around IPv6. */
export function printAuthority(authority: Authority): string {
  const host = authority.kind === 'ipv6' ? `[${authority.host}]` : authority.host;
  return `${host}:${authority.port}`;
}
