/**
 * The steps of the straight line that tunnels and requests share, each of them once.
 *
 * Does: admission behind the authority, resolve, dial, judge one line, look again after a reload, run a lane.
 * Does not: know their order (connect.ts and request.ts do), or answer anybody.
 */
import type { Socket } from 'node:net';
import type { Authority } from '../model/authority.ts';
import type { Code } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import { Problem } from '../model/problem.ts';
import type { Rule } from '../policy/policy.ts';
import { dial } from '../upstream/dial.ts';
import type { Line, RawLine } from '../upstream/line.ts';
import { examine } from '../verify/examine.ts';
import { nextEndMs } from '../verify/floor.ts';
import { judge } from '../verify/judge.ts';
import type { Permit } from '../verify/permit.ts';
import { findRule, portDenied } from './admission.ts';
import type { Full } from './gate.ts';
import type { LaneEnd, Passage } from './passage.ts';
import { openTunnel, stillPermitted } from './tunnels.ts';

/** What admission found; from here on these are known. */
export interface Asked {
  readonly authority: Authority;
  readonly rule: Rule;
}

/** An upstream connection with the verdict that lets bytes flow over it. */
export interface Judged<L extends Line | RawLine> {
  readonly line: L;
  readonly permit: Permit;
  readonly verdict: 'allow' | 'alert';
  readonly code: Code | null;
}

/**
 * Drain, limits, ports, the rule, and whether its verdict can be recorded. `full`: the bound that this client's
 * connection went over, if any.
 * @throws Problem `proxy.draining`, `limit.*`, `host.denied`, `port.denied`, `audit.full`.
 */
export function admit(passage: Passage, authority: Authority, full: Full | null): Asked {
  const { house, client } = passage;
  passage.authority = authority;
  if (house.draining()) throw new Problem('proxy.draining', 'self');
  if (full !== null) throw new Problem(full, 'client');
  const { rule, isPortOpen } = findRule(passage.generation, authority, client);
  passage.rule = rule;
  if (!isPortOpen) throw portDenied(authority);
  // Known before anything is dialled. The record of this very refusal may be what finds that there is room again.
  if (house.recorder.blocked) throw new Problem('audit.full', 'self');
  passage.opening = house.gate.enterOpening(client.address);
  if (passage.opening.full !== null) throw new Problem(passage.opening.full, 'client');
  return { authority, rule };
}

/** The addresses that may be dialled; asked for once a passage. @throws Problem `dns.*`, `address.*`. */
export async function resolve(passage: Passage, { authority, rule }: Asked): Promise<readonly string[]> {
  if (passage.addresses !== null) return passage.addresses;
  const { house, client } = passage;
  const { clock, resolver, recorder } = house;
  const startedMs = clock.monotonicMs();
  try {
    passage.addresses = await resolver.resolve(authority, rule.allowPrivate, passage.gone, client.address);
    return passage.addresses;
  } finally {
    recorder.resolved(clock.monotonicMs() - startedMs);
  }
}

/** A TCP connection to the host, nothing read from it. */
export interface RawDial {
  readonly socket: Socket;
  readonly address: string;
  readonly dialMs: number;
}

/** Resolves and dials without TLS of ours. @throws Problem `dns.*`, `address.*`, `dial.*`. */
export async function dialRaw(passage: Passage, asked: Asked): Promise<RawDial> {
  const { clock, limits } = passage.house;
  const startedMs = clock.monotonicMs();
  const addresses = await resolve(passage, asked);
  const options = { timeoutMs: limits.dialTimeoutMs, signal: passage.gone };
  const { socket, address } = await dial(addresses, asked.authority.port, options);
  return { socket, address, dialMs: clock.monotonicMs() - startedMs };
}

/** @throws Problem with the code of the refusal. */
export function judgeLine<L extends Line | RawLine>(passage: Passage, { rule }: Asked, line: L): Judged<L> {
  const { house } = passage;
  passage.hold(line.socket);
  passage.evidence = line.evidence;
  const startedMs = house.clock.monotonicMs();
  passage.trust = house.trust();
  passage.report = examine(line.evidence, rule, passage.trust, house.clock.nowMs());
  const verdict = judge(passage.report, rule, line.evidence);
  house.recorder.judged(house.clock.monotonicMs() - startedMs);
  house.learn({ evidence: line.evidence, report: passage.report, rule, permitted: verdict.kind === 'permit' });
  if (verdict.kind === 'refusal') throw new Problem(verdict.code, 'upstream');
  passage.permitted = { verdict: verdict.verdict, code: verdict.code };
  return { line, permit: verdict.permit, verdict: verdict.verdict, code: verdict.code };
}

/**
 * Policy or trust (a CRL that came) have changed since the verdict, or an exception that it may rest on has ended: what
 * holds now must agree before a byte flows.
 * @throws Problem with its code.
 */
export function checkGeneration(passage: Passage, asked: Asked, evidence: Evidence): void {
  const generation = passage.house.generation();
  const isSame = generation.number === passage.generation.number && passage.house.trust() === passage.trust;
  const endMs = nextEndMs([asked.rule], passage.report?.judgedAtMs ?? 0);
  if (isSame && passage.house.clock.nowMs() < endMs) return;
  const code = stillPermitted(passage.house, { client: passage.client, evidence });
  if (code !== null) throw new Problem(code, 'upstream', { why: 'policy changed meanwhile' });
  passage.generation = generation;
}

export type RunLane<E extends LaneEnd> = (
  cut: AbortSignal,
  onBytes: (direction: 'up' | 'down', count: number) => void,
) => Promise<E>;

/** Runs a lane as an open tunnel: listed for re-judging and drain, cut by them, and closed with one close entry. */
export async function runLane<E extends LaneEnd>(passage: Passage, evidence: Evidence, run: RunLane<E>): Promise<E> {
  const { house, client, eventId, generation } = passage;
  const tunnel = openTunnel({ eventId, client, evidence, generation: generation.number });
  const remove = house.tunnels.add(tunnel);
  let end: LaneEnd = { bytesUp: 0, bytesDown: 0, reason: 'error', code: 'internal.failure' };
  try {
    const ended = await run(tunnel.cutSignal, (direction, count) => house.recorder.bytes(direction, count));
    const { bytesUp, bytesDown, reason, code, clientAlert } = ended;
    end = { bytesUp, bytesDown, reason, code, clientAlert: clientAlert ?? null };
    return ended;
  } finally {
    remove();
    passage.recordClose(end);
  }
}
