/**
 * How a refusal reaches the client: an HTTP answer before the 200, a TLS alert after it.
 *
 * Does: choose word, alert and explanation; send and close so that the client reads the answer before the connection
 * goes. Does not: decide that something is refused.
 * The caller must: have recorded the verdict before, and not use the socket afterwards.
 */
import type { Socket } from 'node:net';
import { CODES, type Code } from '../model/codes.ts';
import type { Problem } from '../model/problem.ts';
import type { VerdictWord } from '../observe/recorder.ts';
import type { Rule } from '../policy/policy.ts';
import type { Report } from '../verify/report.ts';
import { ALERT, fatalAlert } from '../wire/alerts.ts';
import type { Refusal } from '../wire/problem-json.ts';
import { refusalReply } from '../wire/reply.ts';

/** `block`: the policy or the upstream's certificate says no. `error`: we could not come to a verdict. */
export function verdictWord(code: Code): VerdictWord {
  switch (CODES[code].stage) {
    case 'request':
    case 'limit':
    case 'dial':
    case 'self':
      return 'error';
    case 'tls':
      return CODES[code].floor ? 'block' : 'error';
    case 'resolve':
      return code.startsWith('address.') ? 'block' : 'error';
    case 'admission':
      return code === 'client.gone' ? 'error' : 'block';
    case 'hello':
      return code === 'hello.timeout' ? 'error' : 'block';
    default:
      return 'block';
  }
}

/** What an answer says beyond its code. */
export function refusalOf(problem: Problem, eventId: string, rule: Rule | null, report: Report | null): Refusal {
  const base = { code: problem.code, rule: rule?.name ?? null, eventId };
  if (report === null) return base;
  const path = report.path ?? report.explanatoryPath ?? [];
  return {
    ...base,
    detail: detailOf(problem.code, report),
    expected: (rule?.pins.anyOf ?? []).map((pin) => named(pin.spkiSha256, pin.name)),
    observed: path.map((certificate) => named(certificate.spkiSha256, certificate.subject.text)),
  };
}

function named(spkiSha256: string, name: string | null): string {
  return name === null ? `sha256/${spkiSha256}` : `sha256/${spkiSha256} ${name}`;
}

function detailOf(code: Code, report: Report): string {
  const facts = report.findings.find((finding) => finding.code === code)?.facts ?? {};
  const words = Object.entries(facts).map(
    ([name, value]) => `${name}=${Array.isArray(value) ? value.join(', ') : value}`,
  );
  return words.length === 0 ? CODES[code].says : `${CODES[code].says} (${words.join('; ')})`;
}

/** Before the 200: the whole answer, then the end. */
export function refuseByReply(socket: Socket, refusal: Refusal, lingerMs: number): void {
  endWith(socket, refusalReply(refusal), lingerMs);
}

/** After the 200 and before a ServerHello: a fatal alert in plaintext where the client speaks TLS, then the end. */
export function refuseByAlert(socket: Socket, problem: Problem, lingerMs: number): void {
  const alert = alertFor(problem);
  endWith(socket, alert === null ? Buffer.alloc(0) : fatalAlert(alert), lingerMs);
}

/** The alert that says most; null: the client does not speak TLS or is not there, so none is sent. */
export function alertFor(problem: Problem): number | null {
  switch (problem.code) {
    case 'client.gone':
    case 'hello.not-tls':
    case 'hello.timeout':
      return null;
    case 'hello.malformed':
    case 'hello.too-large':
      return ALERT.decodeError;
    case 'alpn.none':
      return ALERT.noApplicationProtocol;
    case 'tls.alert': {
      // What the upstream said to us, the client may know: it is the answer to the client's own offer.
      const { alert } = problem.facts;
      return typeof alert === 'number' ? alert : ALERT.internalError;
    }
    default:
      return verdictWord(problem.code) === 'block' ? ALERT.accessDenied : ALERT.internalError;
  }
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
