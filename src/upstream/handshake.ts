/**
 * The only TLS handshake with an upstream: dials, shakes hands, and writes down everything that a verdict may need.
 *
 * Does: one full handshake on one connection, and the Evidence of exactly that connection. The presented list comes
 * from the certificates as sent, never from Node's linked chain, which the peer can forge.
 * Does not: judge. Certificates are not rejected here on purpose: verify/examine.ts and verify/judge.ts see every
 * handshake that ends, good or bad, and nothing flows without their Permit.
 * The caller must: bring the socket to a lane or destroy it. It comes paused; what the upstream has sent already waits
 * in it. A silent error listener stays on it: look at `destroyed` before use, and listen to `error` and `close` for
 * what happens later (a TLS 1.3 upstream that was
 * slow to judge our missing client certificate refuses by alert then: treat it as a close).
 */
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '../host/clock.ts';
import type { Authority } from '../model/authority.ts';
import { Der } from '../model/der.ts';
import type { Evidence } from '../model/evidence.ts';
import { Problem } from '../model/problem.ts';
import { type Agreed, LOWEST_TLS_FLOOR, meetsTlsFloor, type TlsFloor } from '../model/tls.ts';
import { tlsFacts } from '../verify/checks/tls.ts';
import type { AnchorSet } from '../verify/trust.ts';
import { contextFor } from './contexts.ts';
import { abortProblem, type Dialled, dial } from './dial.ts';
import { keepLastWords } from './last-words.ts';
import type { Line } from './line.ts';
import { handshakeProblem } from './openssl-codes.ts';
import { answersInPlainHttp } from './plain-http.ts';

/** `spoken` of a `tls.protocol` whose upstream speaks plain HTTP. */
export const PLAIN_HTTP = 'plain HTTP';

export interface HandshakeAsk {
  readonly authority: Authority;
  /** What `resolve` permitted, in order. */
  readonly addresses: readonly string[];
  /** Protocol ids as latin1 strings (as ClientHello.alpn has them); empty: the extension is not sent. */
  readonly alpn: readonly string[];
  readonly anchors: AnchorSet;
  /** What the upstream must speak. */
  readonly tls: TlsFloor;
  /** Intermediates that may complete what was presented; they go into the Evidence, so that it can be judged again. */
  readonly completing: (presented: readonly Der[]) => readonly Der[];
  readonly dialTimeoutMs: number;
  /** From the end of the dial to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The same without what only a dial needs. */
export type HandshakeOverAsk = Omit<HandshakeAsk, 'addresses' | 'dialTimeoutMs'>;

/** Presented certificates that are kept: a path has at most 16, and misconfigured servers send some dozens of others. */
const PRESENTED_MAX = 64;

/**
 * A TLS 1.3 upstream that asked for a client certificate judges our empty answer after we are done. It shows by a
 * session ticket or data that it goes on, by an alert that it does not; one that shows nothing is waited for this long.
 */
const CERTIFICATE_ANSWER_MS = 1_000;

function ignore(): void {}

/** The list of RFC 7301 §3.1 without its outer length, as tls.connect takes it. */
function encodeAlpn(names: readonly string[]): Buffer {
  const parts = names.map((name) => Buffer.from(name, 'latin1'));
  if (parts.some((part) => part.length === 0 || part.length > 255)) {
    throw new Problem('internal.failure', 'self', { why: 'protocol id length' });
  }
  return Buffer.concat(parts.flatMap((part) => [Buffer.from([part.length]), part]));
}

/**
 * Whether the upstream sent a CertificateRequest: only that message brings a client the signature algorithms of its
 * server. (Node offers no direct way to ask; a test holds this to be true.)
 */
function certificateAsked(tls: TLSSocket): boolean {
  try {
    return tls.getSharedSigalgs().length > 0;
  } catch {
    // The handle of a broken connection may be gone.
    return false;
  }
}

/** The presented list, leaf first, exactly as sent. */
function presentedList(tls: TLSSocket): readonly Der[] {
  const chain: Der[] = [];
  let certificate = tls.getPeerX509Certificate();
  while (certificate !== undefined) {
    if (chain.length === PRESENTED_MAX) throw new Problem('chain.too-large', 'upstream', { most: PRESENTED_MAX });
    chain.push(Der.of(certificate.raw));
    // Despite its name this is the next certificate of the list, not the issuer.
    certificate = certificate.issuerCertificate;
  }
  return Object.freeze(chain);
}

/** OpenSSL's opinion of the chain. With names left to us, it is about the chain alone. */
function opensslVerdict(tls: TLSSocket): string {
  if (tls.authorized) return 'accepted';
  const error: unknown = tls.authorizationError;
  return typeof error === 'string' ? error : error instanceof Error ? error.message : 'UNSPECIFIED';
}

function evidenceOf(
  tls: TLSSocket,
  ask: HandshakeOverAsk,
  address: string,
  staple: Buffer | null,
  startMs: number,
): Evidence {
  const alpn = typeof tls.alpnProtocol === 'string' ? tls.alpnProtocol : null;
  // RFC 7301 §3.2; OpenSSL versions differ in whether they check it.
  if (alpn !== null && !ask.alpn.includes(alpn)) {
    throw new Problem('tls.protocol', 'upstream', { reason: 'protocol id that was not offered' });
  }
  const chain = presentedList(tls);
  const key = tls.getEphemeralKeyInfo();
  const group = key !== null && 'name' in key && typeof key.name === 'string' ? key.name.toLowerCase() : null;
  return Object.freeze({
    authority: ask.authority,
    assurance: 'connection',
    address,
    serverName: serverNameOf(ask.authority),
    alpnOffered: Object.freeze([...ask.alpn]),
    alpn,
    tlsVersion: tls.getProtocol(),
    cipher: tls.getCipher().standardName,
    group,
    chain,
    completing: Object.freeze([...ask.completing(chain)]),
    staple: staple === null || staple.length === 0 ? null : Der.of(staple),
    openssl: opensslVerdict(tls),
    resumed: tls.isSessionReused(),
    seenAtMs: ask.clock.nowMs(),
    handshakeMs: ask.clock.monotonicMs() - startMs,
  });
}

/** RFC 6066 §3: no server name for IP literals. */
function serverNameOf(authority: Authority): string | null {
  return authority.kind === 'name' ? authority.host : null;
}

function startTls({ socket }: Dialled, ask: HandshakeOverAsk): TLSSocket {
  const serverName = serverNameOf(ask.authority);
  const tls = connect({
    socket,
    secureContext: contextFor(ask.anchors, ask.tls),
    // Judged afterwards, on the Evidence; see the head of this file.
    rejectUnauthorized: false,
    // Identity is ours as well (RFC 9525): Node accepts names that we do not, and skips this when the chain fails.
    checkServerIdentity: () => undefined,
    requestOCSP: true,
    ...(serverName === null ? {} : { servername: serverName }),
    ...(ask.alpn.length === 0 ? {} : { ALPNProtocols: encodeAlpn(ask.alpn) }),
  });
  tls.on('error', ignore);
  // TLS writes past the socket below it.
  keepLastWords(tls);
  // Node builds its legacy object of the whole chain for the identity check that we just turned off: 0.2 to 0.5 ms a
  // handshake (measured) for nothing, over hostile bytes. If Node ever stops asking, this line does nothing.
  tls.getPeerCertificate = (): never => ({}) as never;
  return tls;
}

/** Shakes hands over a dialled socket. Owns the socket until it resolves; destroys it when it rejects. */
function secure(dialled: Dialled, ask: HandshakeOverAsk): Promise<Line> {
  const startMs = ask.clock.monotonicMs();
  const tls = startTls(dialled, ask);
  let staple: Buffer | null = null;
  let grace: NodeJS.Timeout | undefined;

  return new Promise<Line>((resolve, reject) => {
    const release = (): void => {
      clearTimeout(timer);
      clearTimeout(grace);
      ask.signal.removeEventListener('abort', onAbort);
      tls.off('secureConnect', onSecure).off('OCSPResponse', onStaple).off('error', onError).off('close', onClose);
    };
    const fail = (problem: Problem): void => {
      release();
      tls.destroy();
      dialled.socket.destroy();
      reject(problem);
    };
    const succeed = (evidence: Evidence): void => {
      release();
      tls.pause();
      resolve({ socket: tls, evidence });
    };
    const onError = (error: unknown): void => fail(handshakeProblem(error, certificateAsked(tls)));
    const onClose = (): void => fail(new Problem('tls.closed', 'upstream', { reason: 'end' }));
    const onAbort = (): void => fail(abortProblem(ask.signal));
    const onStaple = (response: Buffer | null): void => {
      staple = response;
    };
    const onSecure = (): void => {
      try {
        const evidence = evidenceOf(tls, ask, dialled.address, staple, startMs);
        const mayStillRefuse = evidence.tlsVersion === 'TLSv1.3' && certificateAsked(tls);
        if (mayStillRefuse) grace = awaitCertificateAnswer(tls, () => succeed(evidence));
        else succeed(evidence);
      } catch (thrown) {
        fail(thrown instanceof Problem ? thrown : new Problem('chain.malformed', 'upstream', {}, thrown));
      }
    };
    const timer = setTimeout(() => fail(new Problem('tls.timeout', 'upstream')), ask.handshakeTimeoutMs);
    ask.signal.addEventListener('abort', onAbort, { once: true });
    tls.once('secureConnect', onSecure).once('OCSPResponse', onStaple).once('error', onError).once('close', onClose);
  });
}

/** Calls `accepted` once the upstream has gone on without our certificate. */
function awaitCertificateAnswer(tls: TLSSocket, accepted: () => void): NodeJS.Timeout {
  const onSign = (): void => {
    tls.off('session', onSign).off('readable', onSign);
    accepted();
  };
  tls.once('session', onSign).once('readable', onSign);
  return setTimeout(onSign, CERTIFICATE_ANSWER_MS);
}

/**
 * Dials and shakes hands. Throws Problem `dial.*`; `tls.protocol`, `tls.version`, `tls.alert`, `tls.closed`,
 * `tls.timeout`, `tls.client-certificate-required` (facts: `reason`, and `alert` with `alertName` when one was sent;
 * with `tls.version` also `allowed`, and `spoken` when it is known what the upstream speaks, plain HTTP too);
 * `chain.too-large`, `chain.malformed` when the list cannot be had; the reason of the aborted signal.
 */
export async function handshake(ask: HandshakeAsk): Promise<Line> {
  try {
    return await dialAndShake(ask);
  } catch (thrown) {
    throw (await belowFloor(thrown, ask)) ?? (await notTls(thrown, ask)) ?? thrown;
  }
}

async function dialAndShake(ask: HandshakeAsk): Promise<Line> {
  const dialled = await dial(ask.addresses, ask.authority.port, { timeoutMs: ask.dialTimeoutMs, signal: ask.signal });
  return handshakeOver(dialled, ask);
}

/** The alert (RFC 8446 §6.2). */
const HANDSHAKE_FAILURE = 40;

/** Nothing is trusted on the way to an explanation. */
const NO_ANCHORS: AnchorSet = Object.freeze({ name: 'none', anchors: [], bySubject: new Map(), sha256: '' });

/**
 * handshake_failure says that hello and server do not fit, but not why. A second handshake that offers all that any
 * rule could allow finds out whether it is our floor; it is thrown away at once, and never judged or used.
 * Null: it is not the floor, or nobody knows.
 */
async function belowFloor(thrown: unknown, ask: HandshakeAsk): Promise<Problem | null> {
  if (!(thrown instanceof Problem) || thrown.code !== 'tls.alert') return null;
  if (thrown.facts['alert'] !== HANDSHAKE_FAILURE || ask.signal.aborted) return null;
  const { minVersion, ciphers } = ask.tls;
  if (minVersion === LOWEST_TLS_FLOOR.minVersion && ciphers === LOWEST_TLS_FLOOR.ciphers) return null;
  const agreed = await agreedWithoutFloor(ask);
  if (agreed === null || meetsTlsFloor(agreed, ask.tls)) return null;
  return new Problem('tls.version', 'upstream', { ...thrown.facts, ...tlsFacts(ask.tls, agreed) }, thrown);
}

/** OpenSSL's word for a first record that is none of TLS. */
const NOT_TLS = 'ERR_SSL_WRONG_VERSION_NUMBER';

/** Null: it spoke some TLS, or nothing that we know. */
async function notTls(thrown: unknown, ask: HandshakeAsk): Promise<Problem | null> {
  if (!(thrown instanceof Problem) || thrown.code !== 'tls.protocol') return null;
  if (thrown.facts['reason'] !== NOT_TLS || ask.signal.aborted) return null;
  const isHttp = await answersInPlainHttp({ ...ask, port: ask.authority.port });
  return isHttp ? new Problem('tls.protocol', 'upstream', { ...thrown.facts, spoken: PLAIN_HTTP }, thrown) : null;
}

async function agreedWithoutFloor(ask: HandshakeAsk): Promise<Agreed | null> {
  try {
    const { socket, evidence } = await dialAndShake({ ...ask, tls: LOWEST_TLS_FLOOR, anchors: NO_ANCHORS });
    socket.destroy();
    return evidence;
  } catch {
    return null;
  }
}

/**
 * Shakes hands over a connection that is there already, for example through another proxy (via.ts). Owns the socket:
 * it is destroyed when this rejects. Throws as `handshake` does, without `dial.*`.
 */
export async function handshakeOver(dialled: Dialled, ask: HandshakeOverAsk): Promise<Line> {
  try {
    return await secure(dialled, ask);
  } catch (thrown) {
    dialled.socket.destroy();
    const isVersion = thrown instanceof Problem && thrown.code === 'tls.version';
    throw isVersion
      ? new Problem('tls.version', 'upstream', { ...thrown.facts, ...tlsFacts(ask.tls, null) }, thrown)
      : thrown;
  }
}
