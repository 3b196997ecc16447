/**
 * How a refusal reaches the client: an HTTP answer before the 200, a TLS alert after it.
 *
 * Does: choose word, alert and explanation; send and close so that the client reads the answer before the connection
 * goes. Does not: decide that something is refused.
 * The caller must: have recorded the verdict before, and not use the socket afterwards.
 */
import type { Socket } from 'node:net';
import { type Authority, printAuthority } from '../model/authority.ts';
import { CODES, type Code, type Stage } from '../model/codes.ts';
import type { Facts } from '../model/outcome.ts';
import type { Problem } from '../model/problem.ts';
import { TLS_VERSIONS } from '../model/tls.ts';
import type { VerdictWord } from '../observe/recorder.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import type { Rule } from '../policy/policy.ts';
import { PLAIN_HTTP } from '../upstream/handshake.ts';
import type { Report } from '../verify/report.ts';
import { ALERT, fatalAlert } from '../wire/alerts.ts';
import type { Refusal } from '../wire/problem-json.ts';
import { refusalReply } from '../wire/reply.ts';

/** Stages whose codes say that we could not come to a verdict. */
const UNDECIDED: ReadonlySet<Stage> = new Set<Stage>([
  'request',
  'limit',
  'resolve',
  'dial',
  'tls',
  'response',
  'self',
]);
/** Codes whose stage says otherwise. */
const WORD_OF_CODE: ReadonlyMap<Code, VerdictWord> = new Map<Code, VerdictWord>([
  ['client.gone', 'error'],
  ['hello.timeout', 'error'],
  ['address.denied', 'block'],
  ['address.self', 'block'],
]);

/** `block`: the policy or the upstream's certificate says no. `error`: we could not come to a verdict. */
export function verdictWord(code: Code): VerdictWord {
  const { stage, floor } = CODES[code];
  return WORD_OF_CODE.get(code) ?? (UNDECIDED.has(stage) && !floor ? 'error' : 'block');
}

/** What is known of the passage that is refused; null: it did not come that far. */
export interface Refused {
  readonly eventId: string;
  readonly authority: Authority | null;
  readonly rule: Rule | null;
  readonly report: Report | null;
}

/** What an answer says beyond its code. */
export function refusalOf(problem: Problem, { eventId, authority, rule, report }: Refused): Refusal {
  const base = { code: problem.code, rule: rule?.name ?? null, eventId };
  if (authority !== null && OF_DESTINATION.has(problem.code)) return { ...base, ...destination(problem, authority) };
  if (report === null) return { ...base, detail: plainDetail(problem, rule) };
  const path = report.path ?? report.explanatoryPath ?? [];
  return {
    ...base,
    detail: detailOf(problem.code, report, rule),
    ...comparison(problem.code, rule, path),
  };
}

/** Refused for where it goes: the client asked for that itself, so it may be told. */
const OF_DESTINATION: ReadonlySet<Code> = new Set<Code>(['port.denied', 'address.denied', 'address.self']);

/** What the client asked for, and the kind of address behind it; which address a name leads to inside is not told. */
function destination({ code, facts }: Problem, authority: Authority): Pick<Refusal, 'detail' | 'observed'> {
  const { range } = facts;
  const asked = printAuthority(authority);
  const observed = typeof range === 'string' ? `${asked}: ${range}` : asked;
  return { detail: `${CODES[code].says} (${observed})`, observed: [observed] };
}

type Compared = Required<Pick<Refusal, 'expected' | 'observed'>>;

/** Keys, unless it is policies that differ. */
function comparison(code: Code, rule: Rule | null, path: readonly Certificate[]): Compared {
  if (code === 'certificate-policy.missing') {
    const asserted = path[0]?.extensions.certificatePolicies ?? [];
    return { expected: rule?.certificatePolicies ?? [], observed: asserted.map(({ oid }) => oid) };
  }
  return {
    expected: (rule?.pins.anyOf ?? []).map((pin) => named(pin.spkiSha256, pin.name)),
    observed: path.map((certificate) => named(certificate.spkiSha256, certificate.subject.text)),
  };
}

/** Of requests and responses, `why` is one of our fixed words and says which part of them was wrong. */
function plainDetail({ code, facts }: Problem, rule: Rule | null): string {
  if (code === 'tls.version') return tlsDetail(facts, rule);
  const { stage, says } = CODES[code];
  if (code === 'tls.protocol' && facts['spoken'] === PLAIN_HTTP) {
    return `${says}: it answered in plain HTTP; ask for http:// without CONNECT`;
  }
  const { why } = facts;
  if (why === 'needs-connect') return 'https and wss go through a tunnel: ask with CONNECT host:port';
  return (stage === 'request' || stage === 'response') && typeof why === 'string' ? `${says} (${why})` : says;
}

function named(spkiSha256: string, name: string | null): string {
  return name === null ? `sha256/${spkiSha256}` : `sha256/${spkiSha256} ${name}`;
}

function detailOf(code: Code, report: Report, rule: Rule | null): string {
  const facts = report.findings.find((finding) => finding.code === code)?.facts ?? {};
  if (code === 'tls.version') return tlsDetail(facts, rule);
  const words = Object.entries(facts).map(([name, value]) => `${name}=${String(value)}`);
  return words.length === 0 ? CODES[code].says : `${CODES[code].says} (${words.join('; ')})`;
}

/** What the rule allows, what the upstream spoke if that is known, and the words that change it. */
function tlsDetail({ allowed, spoken }: Facts, rule: Rule | null): string {
  const heard = typeof spoken === 'string' ? spoken : null;
  const version = TLS_VERSIONS.find((known) => heard?.startsWith(`TLS ${known} `)) ?? '...';
  const words =
    rule?.tls.minVersion === '1.3'
      ? 'tls: { minVersion: "1.2" }'
      : `unsafeTls: { minVersion: "${version}", ciphers: legacy, reason: ..., until: ... }`;
  const upstream = heard === null ? '' : `; the upstream spoke ${heard}`;
  return `${CODES['tls.version'].says} (allowed: ${String(allowed)}${upstream}; upgrade it, or write ${words} into the rule)`;
}

/** Before the 200: the whole answer, then the end. `method`: HEAD gets no content. */
export function refuseByReply(socket: Socket, refusal: Refusal, lingerMs: number, method?: string): void {
  endWith(socket, refusalReply(refusal, method === 'HEAD' ? 'head-only' : 'whole'), lingerMs);
}

/** After the 200 and before a ServerHello: a fatal alert in plaintext where the client speaks TLS, then the end. */
export function refuseByAlert(socket: Socket, problem: Problem, lingerMs: number): void {
  const alert = alertFor(problem);
  endWith(socket, alert === null ? Buffer.alloc(0) : fatalAlert(alert), lingerMs);
}

/** Codes of clients that do not speak TLS or are not there. */
const NO_ALERT: ReadonlySet<Code> = new Set<Code>(['client.gone', 'hello.not-tls', 'hello.timeout']);
const ALERT_OF_CODE: ReadonlyMap<Code, number> = new Map<Code, number>([
  ['hello.malformed', ALERT.decodeError],
  ['hello.too-large', ALERT.decodeError],
  ['alpn.none', ALERT.noApplicationProtocol],
]);

/** The alert that says most; null: none is sent. */
export function alertFor(problem: Problem): number | null {
  const { code, facts } = problem;
  if (NO_ALERT.has(code)) return null;
  // What the upstream said to us, the client may know: it is the answer to the client's own offer.
  if (code === 'tls.alert' && typeof facts['alert'] === 'number') return facts['alert'];
  const ours = verdictWord(code) === 'block' ? ALERT.accessDenied : ALERT.internalError;
  return ALERT_OF_CODE.get(code) ?? ours;
}

/**
 * Writes, ends our half, and lets the client read: what it still sends is thrown away, because closing with unread
 * bytes in the kernel would reset the connection and destroy the answer on its way.
 */
function endWith(socket: Socket, bytes: Buffer, lingerMs: number): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroySoon());
  socket.on('data', () => undefined);
  socket.end(bytes);
  socket.resume();
  if (socket.readableEnded) socket.destroySoon();
}
