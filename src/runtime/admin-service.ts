/**
 * What the admin interface answers: the routes over a running supervisor.
 *
 * Does: read what runs and what was recorded; ask for a reload or a drain.
 * Does not: authenticate or speak HTTP (observe/admin-api.ts).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../host/clock.ts';
import { type ApiAnswer, ApiError, type ApiRequest, type Route } from '../observe/admin-api.ts';
import { auditFiles, readAudit } from '../observe/audit-reader.ts';
import type { Config } from '../policy/config.ts';
import { explain, printExplanation } from '../policy/explain.ts';
import { isPortOpen, lookup } from '../policy/lookup.ts';
import type { Mistake } from '../policy/mistakes.ts';
import type { Rule } from '../policy/policy.ts';
import { readQuestion } from '../policy/question.ts';
import { type Generation, resultOf, type Step } from './generations.ts';
import { needsRestart } from './reload.ts';
import type { Sight } from './sight.ts';

/** The supervisor, as far as it is asked here. */
export interface Controlled {
  readonly generation: Generation;
  /** The configuration of the start. */
  readonly config: Config;
  /** Workers that do not judge by the newest generation yet. */
  readonly workersBehind: number;
  reload(by: 'asked'): Promise<Step>;
  drain(timeoutMs: number): Promise<unknown>;
}

export interface AdminServiceParts {
  readonly clock: Clock;
  readonly sight: Sight;
  /** Null: not serving yet. */
  readonly supervisor: () => Controlled | null;
}

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;
/** What is read of each audit file for one answer: some 8,000 lines. */
const TAIL_BYTES = 8 * 1024 * 1024;
/** Lines between two turns of the event loop: some 10 ms. */
const LINES_A_TURN = 500;
const MAX_DRAIN_MS = 3_600_000;

export function adminRoutes({ clock, sight, supervisor }: AdminServiceParts): readonly Route[] {
  const running = (): Controlled => {
    const now = supervisor();
    if (now === null) throw new ApiError(503, 'the proxy is starting');
    return now;
  };
  const get = (path: string, query: readonly string[], handle: Route['handle']): Route => ({
    method: 'GET',
    path,
    query,
    handle,
  });
  const post = (path: string, handle: Route['handle']): Route => ({ method: 'POST', path, query: [], handle });
  return [
    get('/v1/events', ['since', 'limit'], async (request) =>
      request.query.has('since') || request.query.has('limit')
        ? pastEvents(running(), request, clock.nowMs())
        : liveEvents(sight),
    ),
    get('/v1/evidence', [], () => ({ status: 200, body: { exhibits: sight.locker?.list() ?? [] } })),
    get('/v1/evidence/*', [], ({ rest }) => oneExhibit(sight, rest)),
    get('/v1/policies', ['offset', 'limit'], (request) => policies(running(), request)),
    get('/v1/explain', ['host', 'client'], (request) => explanation(running(), request)),
    post('/v1/reload', async () => reload(running())),
    post('/v1/drain', (request) => drain(running(), request)),
  ];
}

function liveEvents({ hub }: Sight): ApiAnswer {
  return {
    stream(response) {
      if (!hub.subscribe(response)) return false;
      response.write(': events follow\n\n');
      return true;
    },
  };
}

/** The newest lines of the period, oldest first, as they stand in the files. */
async function pastEvents({ generation }: Controlled, request: ApiRequest, nowMs: number): Promise<ApiAnswer> {
  const limit = numberOf(request, 'limit', DEFAULT_LIMIT, 1, MAX_LIMIT);
  const since = request.query.get('since') ?? new Date(0).toISOString();
  const fromMs = Date.parse(since);
  if (Number.isNaN(fromMs)) throw new ApiError(400, 'since is an ISO 8601 time');
  const period = { fromMs: Math.min(fromMs, nowMs), tailBytes: TAIL_BYTES };
  let events: unknown[] = [];
  let count = 0;
  for (const { record } of readAudit(auditFiles(generation.config.audit.file), period)) {
    count += 1;
    events.push(record);
    if (events.length >= 2 * limit) events = events.slice(-limit);
    if (count % LINES_A_TURN === 0) await nextTurn();
  }
  return { status: 200, body: { events: events.slice(-limit), leftOut: Math.max(0, count - limit) } };
}

function oneExhibit({ locker }: Sight, id: string): ApiAnswer {
  const exhibit = locker?.read(id) ?? null;
  if (exhibit === null) throw new ApiError(404, 'there is no such exhibit; ids are those of /v1/evidence');
  return { status: 200, body: exhibit };
}

function policies({ generation }: Controlled, request: ApiRequest): ApiAnswer {
  const offset = numberOf(request, 'offset', 0, 0, Number.MAX_SAFE_INTEGER);
  const limit = numberOf(request, 'limit', DEFAULT_LIMIT, 1, MAX_LIMIT);
  const { number, sha256, policy, held, waiting } = generation;
  return {
    status: 200,
    body: {
      generation: number,
      sha256,
      unmatched: policy.unmatched.action === 'deny' ? null : ruleJson(policy.unmatched.rule),
      total: policy.rules.length,
      rules: policy.rules.slice(offset, offset + limit).map(ruleJson),
      held: held.map(({ file, mistakes, hasLastGood }) => ({ file, hasLastGood, mistakes: mistakes.map(mistakeJson) })),
      waiting,
    },
  };
}

function ruleJson(rule: Rule): object {
  const { name, owner, place, match, except, clients, mode, onFailure, pins, checks, metricsGroup } = rule;
  return {
    name,
    owner,
    place,
    match: match.map(({ text }) => text),
    except: except.map(({ text }) => text),
    clients,
    mode,
    onFailure,
    pins: { anyOf: pins.anyOf.length, noneOf: pins.noneOf.length },
    checks,
    metricsGroup,
  };
}

function mistakeJson({ place, message, hint }: Mistake): object {
  const { file, line, column } = place;
  return { file, line, column, message, hint: hint ?? null };
}

function explanation({ generation }: Controlled, request: ApiRequest): ApiAnswer {
  const { config, policy, number, sha256 } = generation;
  const host = request.query.get('host');
  if (host === undefined) throw new ApiError(400, 'host is missing');
  const clients = (request.query.get('client') ?? '').split(',').filter((one) => one !== '');
  const question = readQuestion(host, clients, config);
  if (!question.ok) throw new ApiError(400, question.why);
  const explained = explain(policy, question.authority, question.groups);
  const decision = lookup(policy, question.authority, question.groups);
  const portAllowed = isPortOpen(decision, question.authority, config.egress.ports);
  const text = printExplanation(explained);
  return { status: 200, body: { generation: number, sha256, ...explained, portAllowed, text } };
}

async function reload(supervisor: Controlled): Promise<ApiAnswer> {
  const step = await supervisor.reload('asked');
  const { number, sha256, config, waiting } = supervisor.generation;
  const refused = 'refused' in step ? step.refused.map(mistakeJson) : [];
  const result = wordOf(step, waiting);
  const { workersBehind } = supervisor;
  const now = {
    result,
    generation: number,
    sha256,
    refused,
    waiting,
    workersBehind,
    needsRestart: needsRestart(supervisor.config, config),
  };
  const said = result === 'partly' ? 'not everything was taken' : 'what runs goes on';
  if (refused.length > 0) throw new ApiError(422, `${said}; the files have mistakes`, now);
  return { status: result === 'waiting' || workersBehind > 0 ? 202 : 200, body: now };
}

/** As the metric has it; besides that what a look says that judged nothing. */
function wordOf(step: Step, waiting: readonly string[]): string {
  if (step.kind === 'waiting') return step.kind;
  if (step.kind !== 'unchanged') return resultOf(step);
  if (step.refused.length > 0) return 'refused';
  return waiting.length > 0 ? 'waiting' : 'unchanged';
}

function drain(supervisor: Controlled, { body }: ApiRequest): ApiAnswer {
  const { config } = supervisor.generation;
  const timeoutMs = body['timeoutMs'] ?? config.limits.drainTimeoutMs;
  if (typeof timeoutMs !== 'number' || !Number.isInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > MAX_DRAIN_MS) {
    throw new ApiError(400, `timeoutMs is a whole number of at most ${MAX_DRAIN_MS}`);
  }
  // The process ends with it: the answer says that it has begun.
  supervisor.drain(timeoutMs).catch(() => undefined);
  return { status: 202, body: { draining: true, timeoutMs } };
}

function numberOf({ query }: ApiRequest, name: string, fallback: number, least: number, most: number): number {
  const text = query.get(name);
  if (text === undefined) return fallback;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new ApiError(400, `${name} is a whole number from ${least} to ${most}`);
  return value;
}
