/**
 * The first flight of a TLS client, read by ourselves: Node's callbacks come too late and not at all on resumption.
 */

export interface ClientHello {
  /** Canonical host of the server_name extension (RFC 6066 §3); null: none was sent. */
  readonly serverName: string | null;
  /** ALPN protocol ids in order as latin1 strings, GREASE included; empty: the extension was not sent. */
  readonly alpn: readonly string[];
  /** Offered versions (0x0304 = TLS 1.3) in order, without GREASE. */
  readonly versions: readonly number[];
  /** Without GREASE. */
  readonly cipherSuites: readonly number[];
  /** Without GREASE; empty: the extension was not sent. */
  readonly signatureSchemes: readonly number[];
  /** The encrypted_client_hello extension is there: real or GREASE (RFC 9849 §6.2), from outside the same. */
  readonly hasEch: boolean;
  /** The abandoned draft extension 0xffce, which hides the server name from us and that no GREASE imitates. */
  readonly hasEsni: boolean;
  /** Bytes of the stream that the hello took, record headers included. */
  readonly byteLength: number;
}

export type HelloReading =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'not-tls' }
  | { readonly kind: 'too-large' };
