/**
 * The catalogue of codes. From it come the types, metric labels, HTTP statuses, Proxy-Status types, runbook anchors
 * and the reference table in config/README.md; a test keeps them equal. A code is `<check>.<what-happened>`.
 *
 * `rank`: of several findings the highest is the headline (most specific first; a proven revocation outranks all).
 * `floor`: blocks always in terminate and preflight; `onFailure: alert` does not soften it.
 */
import type { CheckName } from './outcome.ts';

/** Where on the straight line a code arises. */
export type Stage = CheckName | 'request' | 'admission' | 'limit' | 'resolve' | 'dial' | 'hello' | 'response' | 'self';

/** Error types of RFC 9209 §2.3 that we use. */
export type ProxyStatusError =
  | 'connection_limit_reached'
  | 'connection_refused'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'destination_ip_prohibited'
  | 'destination_ip_unroutable'
  | 'dns_error'
  | 'dns_timeout'
  | 'http_protocol_error'
  | 'http_request_denied'
  | 'http_request_error'
  | 'http_response_incomplete'
  | 'http_response_timeout'
  | 'proxy_internal_error'
  | 'proxy_loop_detected'
  | 'tls_alert_received'
  | 'tls_certificate_error'
  | 'tls_protocol_error';

export interface CodeEntry {
  readonly stage: Stage;
  readonly floor: boolean;
  readonly rank: number;
  /** Status of the answer to CONNECT or a request; null: arises only after the 200, answered by alert or close. */
  readonly status: number | null;
  readonly proxyStatus: ProxyStatusError;
  /** What happened, one clause, no peer bytes. */
  readonly says: string;
  /** What to do next. */
  readonly next: string;
}

function row(
  stage: Stage,
  floor: boolean,
  rank: number,
  status: number | null,
  proxyStatus: ProxyStatusError,
  says: string,
  next: string,
): CodeEntry {
  return Object.freeze({ stage, floor, rank, status, proxyStatus, says, next });
}

// biome-ignore format: a table reads as a table, one code a line
export const CODES = Object.freeze({
  // What a client asked
  'request.malformed': row('request', false, 10, 400, 'http_request_error', 'the request is not a well-formed proxy request', 'send CONNECT host:port, or the absolute http URI of a plain request, with one matching Host header'),
  'request.authority': row('request', false, 10, 400, 'http_request_error', 'the authority is not host:port in canonical form', 'use a DNS name or an IP literal and a port from 1 to 65535'),
  'request.too-large': row('request', false, 10, 431, 'http_request_error', 'the request head is larger than the limit', 'send fewer or shorter header fields'),
  'request.timeout': row('request', false, 10, 408, 'http_request_error', 'the request head did not arrive in time', 'send the whole head within the time limit'),
  'client.denied': row('admission', false, 20, 403, 'http_request_denied', 'this client may not use the proxy for this host', 'ask the owner of the policy to list the client'),
  'client.gone': row('admission', false, 5, 499, 'connection_terminated', 'the client went away before its tunnel carried anything', 'nothing to do'),
  'auth.required': row('admission', false, 20, 407, 'http_request_denied', 'credentials are missing or wrong', 'send Proxy-Authorization'),
  'host.denied': row('admission', false, 20, 403, 'http_request_denied', 'no rule allows this host and the policy denies what no rule matches', 'add a rule for the host'),
  'port.denied': row('admission', false, 20, 403, 'http_request_denied', 'the port is not among the egress ports', 'add the port to egress.ports or to the pattern of a rule'),
  'plaintext.denied': row('admission', false, 20, 403, 'http_request_denied', 'plain HTTP to a host whose rule demands TLS', 'use https, or say plaintext: allow in the rule'),
  'address.denied': row('resolve', false, 30, 403, 'destination_ip_prohibited', 'the host resolves to an address that may not be dialled', 'list the range in allowPrivate of the rule when it is meant'),
  'address.self': row('resolve', false, 30, 403, 'proxy_loop_detected', 'the destination is the proxy itself', 'point the client at the real destination'),
  'limit.connections': row('limit', false, 20, 503, 'connection_limit_reached', 'the proxy is at its limit', 'retry later, or raise the limit'),
  'limit.client': row('limit', false, 20, 429, 'connection_limit_reached', 'this client is at its limit', 'retry later, or raise the limit for the client'),
  'dns.not-found': row('resolve', false, 30, 502, 'dns_error', 'the name does not exist or has no address', 'check the name; what DNS does not know goes into egress.hosts'),
  'dns.failure': row('resolve', false, 30, 502, 'dns_error', 'the resolver failed', 'check the resolver'),
  'dns.timeout': row('resolve', false, 30, 504, 'dns_timeout', 'the resolver did not answer in time', 'check the resolver'),
  // Reaching the upstream
  'dial.refused': row('dial', false, 30, 502, 'connection_refused', 'the upstream refused the connection', 'check that the upstream listens on this port'),
  'dial.timeout': row('dial', false, 30, 504, 'connection_timeout', 'the upstream did not answer in time', 'check routes and firewalls to the upstream'),
  'dial.unreachable': row('dial', false, 30, 502, 'destination_ip_unroutable', 'there is no route to the upstream', 'check routes to the upstream'),
  'dial.failed': row('dial', false, 30, 502, 'connection_terminated', 'the connection to the upstream broke', 'retry, then check the upstream'),
  'tls.protocol': row('tls', false, 35, 502, 'tls_protocol_error', 'the upstream does not speak acceptable TLS', 'check the upstream with openssl s_client'),
  'tls.version': row('tls', true, 36, 502, 'tls_protocol_error', 'the upstream speaks no TLS version or cipher that the rule allows', 'upgrade the upstream'),
  'tls.alert': row('tls', false, 35, 502, 'tls_alert_received', 'the upstream refused the handshake by alert', 'check ALPN, server name and client certificate demands'),
  'tls.closed': row('tls', false, 35, 502, 'connection_terminated', 'the upstream closed during the handshake', 'check the upstream'),
  'tls.timeout': row('tls', false, 35, 504, 'connection_timeout', 'the TLS handshake did not end in time', 'check the upstream and the path to it'),
  'tls.resumed': row('tls', true, 90, 502, 'tls_certificate_error', 'the session was resumed, so there is no evidence to judge', 'report this: the proxy never offers a session'),
  'tls.client-certificate-required': row('tls', false, 36, 502, 'tls_alert_received', 'the upstream demands a client certificate', 'bypass this host with a reason'),
  // After the 200: the client hello
  'hello.not-tls': row('hello', false, 30, null, 'http_request_denied', 'the first bytes in the tunnel are not TLS', 'use bypass for a protocol that is not TLS'),
  'hello.malformed': row('hello', false, 30, null, 'http_request_error', 'the ClientHello is malformed', 'check the client'),
  'hello.too-large': row('hello', false, 30, null, 'http_request_error', 'the ClientHello is larger than the limit', 'check the client'),
  'hello.timeout': row('hello', false, 30, null, 'connection_timeout', 'no complete ClientHello arrived in time', 'check the client'),
  'sni.mismatch': row('hello', false, 31, null, 'http_request_denied', 'the server name in the ClientHello is not the CONNECT host', 'ask for the host that is meant'),
  'sni.missing': row('hello', false, 31, null, 'http_request_denied', 'the ClientHello names no server', 'send SNI'),
  'alpn.none': row('hello', false, 31, null, 'tls_alert_received', 'client and upstream share no application protocol', 'check the ALPN lists of both'),
  // Plain HTTP: what the upstream answers
  'response.incomplete': row('response', false, 30, null, 'http_response_incomplete', 'the upstream broke off its response', 'retry, then check the upstream'),
  'response.malformed': row('response', false, 31, 502, 'http_protocol_error', 'the upstream answered with what is no acceptable HTTP response', 'check the upstream with curl -v'),
  'response.none': row('response', false, 30, 502, 'http_response_incomplete', 'the upstream closed without a response', 'retry, then check the upstream'),
  'response.timeout': row('response', false, 30, 504, 'http_response_timeout', 'the upstream did not answer in time', 'check the upstream'),
  // The floor: the chain
  'chain.empty': row('chain', true, 95, 502, 'tls_certificate_error', 'the upstream presented no certificate', 'check the upstream'),
  'chain.malformed': row('chain', true, 40, 502, 'tls_certificate_error', 'the leaf certificate cannot be parsed', 'replace the certificate'),
  'chain.too-large': row('chain', true, 92, 502, 'tls_certificate_error', 'the presented list is larger than the limit', 'send only the certificates of the path'),
  'chain.budget': row('chain', true, 91, 502, 'tls_certificate_error', 'path building ran out of its budget', 'send a plain chain: leaf and intermediates in order'),
  'chain.incomplete': row('chain', true, 45, 502, 'tls_certificate_error', 'no issuer for a certificate of the chain was presented or is known', 'make the upstream send its intermediates; if it does, its root is none we know: set anchors if the root is yours, else somebody is in the middle'),
  'chain.self-signed': row('chain', true, 50, 502, 'tls_certificate_error', 'the certificate is signed by itself and is no trust anchor', 'get a certificate of a trusted CA, or set anchors for the rule'),
  'chain.private-root': row('chain', true, 55, 502, 'tls_certificate_error', 'a valid chain to a root that is not a configured anchor', 'if the root is yours, set anchors in the rule; else somebody is in the middle'),
  'chain.own-ca': row('chain', true, 88, 502, 'tls_certificate_error', "the upstream certificate was issued by this proxy's own CA", 'somebody holds the CA key, or the proxy talks to itself'),
  'chain.signature': row('chain', true, 60, 502, 'tls_certificate_error', 'a signature in the chain does not verify', 'check the intermediates that the upstream sends'),
  'chain.expired': row('chain', true, 70, 502, 'tls_certificate_error', 'a certificate of the chain has expired', 'renew it'),
  'chain.not-yet-valid': row('chain', true, 70, 502, 'tls_certificate_error', 'a certificate of the chain is not valid yet', 'check the clocks'),
  'chain.invalid-ca': row('chain', true, 65, 502, 'tls_certificate_error', 'an issuer in the chain is not a CA', 'check the intermediates that the upstream sends'),
  'chain.path-length': row('chain', true, 65, 502, 'tls_certificate_error', 'the chain is longer than an issuer allows', 'get a certificate issued within the path length'),
  'chain.key-usage': row('chain', true, 65, 502, 'tls_certificate_error', 'a key is used for what its certificate does not allow', 'get a certificate with the right key usage'),
  'chain.extended-key-usage': row('chain', true, 66, 502, 'tls_certificate_error', 'the certificate or one of its issuers is not for TLS servers', 'get a certificate with serverAuth'),
  'chain.tls-features': row('chain', true, 65, 502, 'tls_certificate_error', 'a certificate lacks a TLS feature, such as must-staple, that its issuer demands', 'get a certificate with the TLS features of its issuer'),
  'chain.critical-extension': row('chain', true, 64, 502, 'tls_certificate_error', 'a certificate has a critical extension that is not understood', 'get a certificate without it'),
  'chain.name-constraints': row('chain', true, 67, 502, 'tls_certificate_error', 'a name is outside the constraints of an issuer', 'get a certificate for names that the CA may issue'),
  'chain.policy': row('chain', true, 63, 502, 'tls_certificate_error', 'the certificate policies of the chain do not allow the path', 'get a certificate with an acceptable policy'),
  'chain.weak-key': row('chain', true, 68, 502, 'tls_certificate_error', 'a key in the chain is too weak or of an unknown kind', 'use RSA of at least 2048 bits, P-256, P-384, P-521, Ed25519 or, below a private root, ML-DSA'),
  'chain.weak-signature': row('chain', true, 68, 502, 'tls_certificate_error', 'a signature in the chain uses a weak or unknown algorithm', 'use SHA-256 or better'),
  'chain.leaf-is-ca': row('chain', true, 62, 502, 'tls_certificate_error', 'the leaf is a CA certificate', 'use an end-entity certificate'),
  'chain.malformed-issuer': row('chain', true, 41, 502, 'tls_certificate_error', 'a certificate that the path needs is malformed', 'replace it'),
  'chain.distrusted': row('chain', true, 69, 502, 'tls_certificate_error', 'the anchor is distrusted for certificates of this date', 'get a certificate of another CA'),
  'chain.validators-disagree': row('chain', true, 44, 502, 'tls_certificate_error', 'our validator accepts the chain and OpenSSL refuses it', 'report the chain; send intermediates in order meanwhile'),
  // The floor: identity
  'identity.mismatch': row('identity', true, 75, 502, 'tls_certificate_error', 'the certificate is not for this host', 'get a certificate that names the host in its SAN'),
  'identity.no-san': row('identity', true, 74, 502, 'tls_certificate_error', 'the certificate has no subject alternative name; the common name is never used', 'get a certificate with a SAN'),
  'identity.public-suffix': row('identity', true, 76, 502, 'tls_certificate_error', 'the certificate has a wildcard over a whole public suffix', 'get a certificate for the host'),
  // Pins
  'pin.mismatch': row('pins', false, 80, 502, 'tls_certificate_error', 'no key in the verified path is pinned for this host', 'if the key was rotated on purpose add its pin, else somebody is in the middle'),
  'pin.denied': row('pins', true, 89, 502, 'tls_certificate_error', 'every valid path uses a key that the rule denies', 'get a certificate of another CA'),
  'pin.expired': row('pins', false, 15, 502, 'tls_certificate_error', 'the pins of the rule have expired', 'renew the pin group'),
  // Public root
  'public-root.private': row('publicRoot', false, 58, 502, 'tls_certificate_error', 'the path ends in a root outside the public set', 'if the root is yours set publicRoot: off, else somebody is in the middle'),
  // Certificate policies
  'certificate-policy.missing': row('certificatePolicies', false, 59, 502, 'tls_certificate_error', 'no certificate policy that the rule asks for holds for the path', 'get a certificate of the right kind, or correct certificatePolicies'),
  // Certificate Transparency
  'ct.no-scts': row('ct', false, 57, 502, 'tls_certificate_error', 'the certificate carries no signed certificate timestamp', 'get a certificate that is logged'),
  'ct.not-enough-scts': row('ct', false, 56, 502, 'tls_certificate_error', 'too few valid timestamps from known logs', 'get a certificate that is logged in more logs'),
  'ct.not-diverse': row('ct', false, 56, 502, 'tls_certificate_error', 'the timestamps come from too few log operators', 'get a certificate that is logged with more operators'),
  'ct.no-known-log': row('ct', false, 56, 502, 'tls_certificate_error', 'no timestamp comes from a log of the list', 'check the age of the log list'),
  'ct.invalid': row('ct', false, 57, 502, 'tls_certificate_error', 'the timestamps are malformed or their signatures do not verify', 'report the certificate to its CA'),
  'ct.unavailable': row('ct', false, 14, 502, 'tls_certificate_error', 'the check is required and there is no usable log list', 'configure ct.logList and keep it fresh'),
  // Staple and CRL
  'staple.revoked': row('staple', true, 99, 502, 'tls_certificate_error', 'the stapled response says that the certificate is revoked', 'replace the certificate'),
  'staple.missing': row('staple', false, 53, 502, 'tls_certificate_error', 'no response was stapled and the rule requires one', 'switch stapling on at the upstream'),
  'staple.must-staple': row('staple', false, 54, 502, 'tls_certificate_error', 'the certificate demands a stapled response and none usable came', 'switch stapling on at the upstream'),
  'staple.malformed': row('staple', false, 53, 502, 'tls_certificate_error', 'the stapled response cannot be parsed', 'check the upstream'),
  'staple.error-response': row('staple', false, 53, 502, 'tls_certificate_error', 'the stapled response is an error', 'check the responder'),
  'staple.stale': row('staple', false, 53, 502, 'tls_certificate_error', 'the stapled response is outside its validity', 'make the upstream refresh its staple'),
  'staple.signature': row('staple', false, 54, 502, 'tls_certificate_error', 'the stapled response is not signed by the issuer or its responder', 'check the upstream'),
  'staple.wrong-certificate': row('staple', false, 53, 502, 'tls_certificate_error', 'the stapled response speaks of another certificate', 'check the upstream'),
  'staple.unknown': row('staple', false, 54, 502, 'tls_certificate_error', 'the responder does not know the certificate', 'report the certificate to its CA'),
  'crl.revoked': row('crl', true, 98, 502, 'tls_certificate_error', 'a CRL lists a certificate of the path', 'replace the certificate'),
  'crl.missing': row('crl', false, 51, 502, 'tls_certificate_error', 'no CRL covers the path and the rule requires one', 'provide the CRL or let the fetcher get it'),
  'crl.stale': row('crl', false, 52, 502, 'tls_certificate_error', 'the CRL is outside its validity', 'provide a fresh CRL'),
  'crl.invalid': row('crl', false, 52, 502, 'tls_certificate_error', 'the CRL is malformed, not signed by the issuer or not for this certificate', 'provide a right CRL'),
  // Lifetime
  'lifetime.too-long': row('lifetime', false, 48, 502, 'tls_certificate_error', 'the certificate is valid for longer than public CAs may issue', 'get a certificate with a shorter life'),
  'lifetime.unexplained': row('lifetime', false, 12, 502, 'tls_certificate_error', 'the lifetime cannot be judged', 'report the certificate'),
  'continuity.changed': row('continuity', false, 47, 502, 'tls_certificate_error', 'the host shows a key that was never seen for it', 'compare with another network'),
  'continuity.unknown': row('continuity', false, 12, 502, 'tls_certificate_error', 'there is no memory of this host and the rule requires one', 'let the host be learned first'),
  // Ourselves
  'audit.full': row('self', false, 8, 503, 'proxy_internal_error', 'the verdict cannot be recorded, so nothing is relayed', 'free space for the audit file'),
  'internal.failure': row('self', false, 1, 500, 'proxy_internal_error', 'the proxy failed; nothing was relayed', 'report this with the event id'),
  'proxy.draining': row('self', false, 8, 503, 'proxy_internal_error', 'the proxy is shutting down', 'retry; another replica will answer'),
});

export type Code = keyof typeof CODES;

export function isCode(text: string): text is Code {
  return Object.hasOwn(CODES, text);
}

/** The most specific of several codes; ties go to the alphabetically first, so that the order of input never matters. */
export function headline(codes: readonly Code[]): Code | null {
  let best: Code | null = null;
  for (const code of codes) {
    if (
      best === null ||
      CODES[code].rank > CODES[best].rank ||
      (CODES[code].rank === CODES[best].rank && code < best)
    ) {
      best = code;
    }
  }
  return best;
}
