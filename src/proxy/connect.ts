/**
 * The straight line of one CONNECT, top to bottom, and the only file that knows the order:
 * admission → rule → resolve → handshake → examine → judge → 200 → hello → (once more, when the client's ALPN list
 * could have led the upstream elsewhere) → record → lane. `bypass` walks it too, with nothing to examine.
 *
 * Does not: decide. Verdicts come from verify/, words of refusal from refuse.ts.
 * The caller must: hand over the socket with an error listener on it; nothing may read or write it besides us.
 */
import type { Socket } from 'node:net';
import type { LeafKeyKind } from '../minting/leaf-key.ts';
import type { Evidence } from '../model/evidence.ts';
import { asProblem, Problem } from '../model/problem.ts';
import { anchorsKey, type Rule } from '../policy/policy.ts';
import { handshake } from '../upstream/handshake.ts';
import type { Line, RawLine } from '../upstream/line.ts';
import { tlsFloorOf } from '../verify/floor.ts';
import type { AnchorSet } from '../verify/trust.ts';
import type { RequestHead } from '../wire/connect-head.ts';
import { type ClientHello, needsRsaLeaf } from '../wire/hello-body.ts';
import { tunnelReply } from '../wire/reply.ts';
import { readAuthority } from './admission.ts';
import { couldChooseOtherwise } from './alpn-memory.ts';
import { firstToSpeak } from './first-to-speak.ts';
import type { Full } from './gate.ts';
import { helloOf, serverNameProblem } from './hello.ts';
import type { House } from './house.ts';
import { bypass, rawEvidence } from './lanes/bypass.ts';
import { mirroredVersion, terminate } from './lanes/terminate.ts';
import type { LaneEnd } from './passage.ts';
import { refusalOf, refuseByAlert, refuseByReply, verdictWord } from './refuse.ts';
import {
  type Asked,
  admit,
  checkGeneration,
  dialRaw,
  type Judged,
  judgeLine,
  type RunLane,
  resolve,
  runLane,
} from './steps.ts';
import { Visit } from './visit.ts';

/**
 * Serves one CONNECT until its tunnel has ended. Never rejects; whatever fails is recorded, answered and closed.
 * @param full the bound that this client's connection went over, if any.
 */
export async function serveConnect(
  house: House,
  request: RequestHead,
  socket: Socket,
  head: Buffer,
  full: Full | null,
): Promise<void> {
  const visit = new Visit(house, socket, head, request.rawHeaders);
  try {
    // Nothing is resolved or dialled before admission.
    const asked = admit(visit, readAuthority(request), full);
    switch (asked.rule.mode) {
      case 'terminate':
        return await walkTerminate(visit, asked);
      case 'bypass':
        return await walkBypass(visit, asked);
      case 'preflight':
        throw new Problem('internal.failure', 'self', { why: 'preflight is not built' });
    }
  } catch (thrown) {
    refuse(visit, asProblem(thrown));
  } finally {
    visit.close();
  }
}

// Terminate: verdict before the 200 wherever the client's hello cannot change it.

async function walkTerminate(visit: Visit, asked: Asked): Promise<void> {
  let judged = asked.rule.answer === 'after-hello' ? null : await judgeAhead(visit, asked);
  answer(visit, asked, judged);
  const hello = await hear(visit, asked);
  if (judged === null || couldDiffer(judged.line, hello)) judged = await openJudged(visit, asked, hello.alpn);
  const key = needsRsaLeaf(hello) ? 'rsa' : 'p256';
  if (key === 'rsa') await visit.house.shelf.prepareRsa();
  visit.gone.throwIfAborted();
  checkGeneration(visit, asked, judged.line.evidence);
  // Only now: a list that the upstream did not take would stand in the way of all other clients.
  visit.house.alpnMemory.remember(asked.authority.host, hello.alpn);
  await runTerminate(visit, asked, judged, key);
}

/** Null: the upstream refused what we guessed that the client would offer, so the verdict waits for the hello. */
async function judgeAhead(visit: Visit, asked: Asked): Promise<Judged<Line> | null> {
  const word = visit.firstBytes.now();
  if (word?.kind === 'hello') return openJudged(visit, asked, word.hello.alpn);
  const { alpnMemory } = visit.house;
  try {
    return await openJudged(visit, asked, alpnMemory.guess(asked.authority.host));
  } catch (thrown) {
    // Whatever it was: the next client must not fail for a list that this host does not take any more.
    alpnMemory.forget(asked.authority.host);
    const alert = thrown instanceof Problem && thrown.code === 'tls.alert' ? thrown.facts['alert'] : null;
    // 120 says that it is the list; with 40 older servers say the same, or that nothing at all would suit them. Who takes
    // no list either is refused with a reason before the 200.
    if (alert === 120) return null;
    if (alert === 40) return openJudged(visit, asked, []);
    throw thrown;
  }
}

async function openJudged(visit: Visit, asked: Asked, alpn: readonly string[]): Promise<Judged<Line>> {
  const { house } = visit;
  // A permit for the connection before this one is worthless from here on.
  visit.drop();
  const addresses = await resolve(visit, asked);
  const line = await handshake({
    authority: asked.authority,
    addresses,
    alpn,
    anchors: anchorsOf(house, asked.rule),
    tls: tlsFloorOf(asked.rule, house.clock.nowMs()),
    completing: (presented) => house.intermediates(presented),
    dialTimeoutMs: house.limits.dialTimeoutMs,
    handshakeTimeoutMs: house.limits.handshakeTimeoutMs,
    clock: house.clock,
    signal: visit.gone,
  });
  return judgeLine(visit, asked, line);
}

/** No set under the rule's key: an empty one, so that nothing is trusted. */
function anchorsOf(house: House, rule: Rule): AnchorSet {
  const key = anchorsKey(rule.anchors);
  return house.trust().anchorSets.get(key) ?? { name: key, anchors: [], bySubject: new Map(), sha256: '' };
}

/** The 200. One that is open although something is wrong says what. */
function answer(visit: Visit, { rule }: Asked, judged: Judged<Line | RawLine> | null): void {
  visit.gone.throwIfAborted();
  const code = judged?.verdict === 'alert' ? judged.code : null;
  const note = code === null ? null : { code, rule: rule.name, eventId: visit.eventId };
  visit.answered = true;
  visit.socket.write(tunnelReply(note));
}

/** The client's hello, which must be for the host that was asked for. */
async function hear(visit: Visit, { authority }: Asked): Promise<ClientHello> {
  const { house } = visit;
  const hello = helloOf(await visit.firstBytes.wait(house.limits.helloTimeoutMs, visit.gone));
  const problem = serverNameProblem(hello, authority);
  if (problem !== null) throw problem;
  return hello;
}

/** Whether this line could be another one had the upstream heard the client itself, or has gone meanwhile. */
function couldDiffer(line: Line, hello: ClientHello): boolean {
  const { alpn, alpnOffered } = line.evidence;
  return line.socket.destroyed || couldChooseOtherwise(alpnOffered, alpn, hello.alpn);
}

async function runTerminate(visit: Visit, asked: Asked, judged: Judged<Line>, key: LeafKeyKind): Promise<void> {
  const { house, socket } = visit;
  const { line, permit } = judged;
  const context = house.shelf.contextFor({
    authority: asked.authority,
    generation: visit.generation.number,
    maxVersion: mirroredVersion(line.evidence),
    key,
  });
  visit.record(judged.verdict, judged.code);
  await inTunnel(visit, line.evidence, async (cut, onBytes) => {
    const end = await terminate({ permit, line, client: socket, context, limits: house.limits, cut, onBytes });
    if (end.clientAlert !== null) house.recorder.clientAlert(visit.client.groups[0] ?? null, end.clientAlert);
    return { ...end, code: null };
  });
}

// Bypass: the same line with nothing to examine, and its verdict says so.

async function walkBypass(visit: Visit, asked: Asked): Promise<void> {
  const { house } = visit;
  const { socket, address, dialMs } = await dialRaw(visit, asked);
  const evidence = rawEvidence(asked.authority, address, house.clock, dialMs);
  const judged = judgeLine(visit, asked, { socket, evidence });
  answer(visit, asked, judged);
  // The record comes before the first byte; the first byte may be the upstream's (SSH, SMTP).
  const word = await firstToSpeak(visit.firstBytes, socket, house.limits.helloTimeoutMs, visit.gone);
  if (word !== null && word.kind !== 'not-tls') {
    const problem = serverNameProblem(helloOf(word), asked.authority);
    if (problem !== null) throw problem;
  }
  checkGeneration(visit, asked, evidence);
  visit.record(judged.verdict, judged.code);
  const { permit, line } = judged;
  await inTunnel(visit, evidence, (cut, onBytes) =>
    bypass({ permit, line, client: visit.socket, limits: house.limits, cut, onBytes }),
  );
}

/** Runs a lane with the client's socket in its hands. */
async function inTunnel(visit: Visit, evidence: Evidence, run: RunLane<LaneEnd>): Promise<void> {
  visit.handOver();
  await runLane(visit, evidence, async (cut, onBytes) => {
    try {
      return await run(cut, onBytes);
    } finally {
      visit.socket.destroy();
    }
  });
}

/** Every way out that is no tunnel: one record, one answer, closed. */
function refuse(visit: Visit, problem: Problem): void {
  const { socket, house } = visit;
  if (problem.code === 'client.gone' && leftAfterAnswer(visit)) {
    socket.destroy();
    return;
  }
  // The answer needs the socket for itself: what the client still sends is drained, not collected.
  visit.handOver();
  const told = problem.code === 'tls.alert' && problem.facts['alert'] === 120 ? noCommonProtocol(problem) : problem;
  try {
    visit.record(verdictWord(told.code), told.code, told.facts);
  } catch {
    // The audit file is full. Nothing was relayed, and the recorder has counted the loss: the refusal stands.
  }
  if (told.code === 'client.gone') socket.destroy();
  else if (visit.answered) refuseByAlert(socket, told, house.limits.lingerMs);
  else refuseByReply(socket, refusalOf(told, visit), house.limits.lingerMs);
}

/** It was answered by a verdict that stands, and went without a word: that verdict, and a tunnel that carried nothing. */
function leftAfterAnswer(visit: Visit): boolean {
  const { answered, permitted, recorded } = visit;
  if (!answered || permitted === null || recorded) return false;
  try {
    visit.record(permitted.verdict, permitted.code);
    visit.recordClose({ bytesUp: 0, bytesDown: 0, reason: 'client', code: 'client.gone' });
  } catch {
    // The audit file is full. Nothing was relayed, and the recorder has counted the loss.
  }
  return true;
}

function noCommonProtocol(problem: Problem): Problem {
  return new Problem('alpn.none', 'upstream', problem.facts, problem);
}
