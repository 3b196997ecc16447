/**
 * Some minutes of everything at once on the running proxy: well and badly behaved clients, policies that change and
 * break, audit files that are rotated, scrapes, a worker that is killed. Then: every byte was right, every event has its
 * lines, the metrics are those of the audit, nothing is left open, memory is flat, and SIGTERM under load ends with 0.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifyChain } from '../../src/observe/audit.ts';
import { type BadServer, startBadServer } from '../support/bad-servers.ts';
import { connectTo } from '../support/client.ts';
import { type AuditLine, type House, pinnedTo, type RuleYaml, startHouse, workersOf } from '../support/house.ts';
import { socketsOf } from '../support/leaks.ts';
import { echoOrigin, type Origin, plainOrigin } from '../support/origins.ts';
import { processCost } from '../support/process-cost.ts';
import { pick, type Random, runSoakLoad, type SoakCounts, type SoakWorld, seeded } from '../support/soak-load.ts';
import { eventually } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';

const SEED = 20_261_127;
const ROUNDS = 4;
const ROUND_MS = 40_000;
const CLIENTS = 12;
/** The round in which a worker is killed: its successor has warmed up before memory is compared. */
const KILL_ROUND = 0;
/** Growth that is no leak: the heap's young generation and allocator slack. */
const GROWTH_MAX_BYTES = 48 * 1024 * 1024;
const BAD = ['other-trusted-ca', 'forged-issuer', 'private-root', 'expired-leaf', 'wrong-host', 'early-close'] as const;

const pki = testPki();
const random = seeded(SEED);
const counts: SoakCounts = { tasks: new Map(), faults: [] };
/** Just before a worker was killed, and when its successor served. */
const kills: { readonly atMs: number; readonly sinceStartMs: number }[] = [];
let echo: Origin;
let old: Origin;
let plain: Origin;
let bad: readonly BadServer[];
let house: House;
let world: SoakWorld;
let rotations = 0;

beforeAll(async () => {
  echo = await echoOrigin(pki.inter.issueLeaf({ dns: ['echo.test', 'late.test', 'flip.test'] }));
  old = await echoOrigin(pki.inter.issueLeaf({ dns: ['alerted.test'] }));
  plain = await plainOrigin();
  bad = await Promise.all(BAD.map((name) => startBadServer(name, pki)));
  const echoes = ['echo.test', 'late.test'].map((host) => ({ host, port: echo.port }));
  const alerted = { host: 'alerted.test', port: old.port };
  const plainAt = { host: 'plain.test', port: plain.port };
  house = await startHouse({
    anchors: pki.root.pem + pki.otherRoot.pem,
    upstreams: [...echoes, alerted, plainAt, { host: 'flip.test', port: echo.port }, ...bad],
    rules: rulesOf(true),
    workers: 2,
  });
  mkdirSync(join(house.dir, 'rotated'));
  world = {
    port: house.port,
    ca: readFileSync(house.caFile),
    echoes: [...echoes, alerted],
    blocked: bad,
    plain: plainAt,
    killedSince: (startedMs) => kills.some(({ sinceStartMs }) => sinceStartMs >= startedMs),
  };
});

afterAll(async () => {
  await house.stop();
  await Promise.all([echo, old, plain, ...bad].map((one) => one.close()));
});

function rulesOf(flip: boolean): readonly RuleYaml[] {
  const pins = pinnedTo(pki.inter.pin);
  const checks = { ct: 'off' };
  return [
    { name: 'echo', match: ['echo.test'], pins, checks },
    { name: 'late', match: ['late.test'], answer: 'after-hello', pins, checks },
    { name: 'alerted', match: ['alerted.test'], onFailure: 'alert', pins: pinnedTo(pki.rogueInter.pin), checks },
    { name: 'bad', match: bad.map(({ host }) => host), pins, checks },
    { name: 'plain', match: ['plain.test'], checks },
    { name: 'flip', match: ['flip.test'], pins: flip ? pins : pinnedTo(pki.rogueInter.pin), checks },
  ];
}

// What goes on beside the clients.

async function flip(flipped: boolean): Promise<void> {
  await house.reload(rulesOf(flipped));
  const answers = await Promise.all(Array.from({ length: 6 }, async () => statusOf('flip.test')));
  const expected = flipped ? 200 : 502;
  const wrong = answers.filter((status) => status !== expected);
  if (wrong.length > 0) counts.faults.push(`after a reload: ${wrong.join()} instead of ${expected}`);
}

async function statusOf(host: string): Promise<number> {
  const { reply, socket } = await connectTo(house.port, `${host}:${echo.port}`);
  socket.destroy();
  return reply.status;
}

/** A policy file that is broken, or that lets go of a rule, changes no verdict. */
async function misuse(flipped: boolean): Promise<void> {
  const file = join(house.dir, 'policy.yaml');
  const keep = readFileSync(file);
  if (random() < 0.5) writeFileSync(file, keep.subarray(0, Math.floor(random() * keep.length)));
  else
    house.writePolicy(rulesOf(flipped).map((rule) => (rule.name === 'bad' ? { ...rule, onFailure: 'alert' } : rule)));
  process.kill(house.pid, 'SIGHUP');
  await new Promise((done) => setTimeout(done, 4000));
  writeFileSync(file, keep);
}

function rotate(): void {
  rotations += 1;
  for (const name of auditFiles(house.dir)) {
    renameSync(join(house.dir, name), join(house.dir, 'rotated', `${String(rotations).padStart(4, '0')}.${name}`));
  }
  process.kill(house.pid, 'SIGHUP');
}

const auditFiles = (dir: string) => readdirSync(dir).filter((name) => /audit.*\.ndjson$/.test(name));

/** Kills the worker that is not `steady`; a scrape just before keeps what is lost of its counters small. */
async function kill(steady: number): Promise<void> {
  const pid = workersOf(house.pid).find((one) => one !== steady)!;
  const before = Date.now();
  await house.metrics();
  kills.push({ atMs: before, sinceStartMs: performance.now() });
  process.kill(pid, 'SIGKILL');
  await eventually('a successor serves', async () => (await house.metrics()).value('pinwarden_workers') === 2, 60_000);
  kills.push({ atMs: Date.now(), sinceStartMs: performance.now() });
}

async function disturb(until: number, next: Random): Promise<void> {
  let flipped = true;
  while (performance.now() < until) {
    const what = pick(next, ['flip', 'misuse', 'rotate', 'scrape'] as const);
    // One mark of two: a successor is starting, and a reload may wait for it longer than we do.
    if (what === 'flip' && kills.length !== 1) {
      flipped = !flipped;
      await flip(flipped);
    } else if (what === 'misuse') await misuse(flipped);
    else if (what === 'rotate') rotate();
    else await house.metrics();
    await new Promise((done) => setTimeout(done, 500 + next() * 1500));
  }
  if (!flipped) await flip(true);
}

// What must hold afterwards.

async function quiet(): Promise<void> {
  await eventually(
    'no connection is open',
    async () => {
      const metrics = await house.metrics();
      return metrics.value('pinwarden_connections_active') === 0;
    },
    90_000,
  );
}

/** Every line of both workers, in the order of their chains. */
function wholeAudit(): AuditLine[] {
  const rotated = join(house.dir, 'rotated');
  const files = [
    ...auditFiles(rotated)
      .toSorted()
      .map((name) => join(rotated, name)),
    ...auditFiles(house.dir).map((name) => join(house.dir, name)),
  ];
  const lines: AuditLine[] = [];
  const lastOf = new Map<string, string>();
  for (const file of files) {
    const worker = file.includes('audit.2') ? '2' : '1';
    const text = readFileSync(file, 'utf8');
    if (text === '') continue;
    const begun = text.split('\n').map((line) => (line === '' ? null : (JSON.parse(line) as AuditLine)));
    // A successor that found no file begins anew; nothing else may.
    const isNew = begun[0]?.['pinwarden.seq'] === 1;
    if (isNew && lastOf.has(worker)) expect(kills.length, `${file} begins a chain`).toBeGreaterThan(0);
    const chain = verifyChain(text, isNew ? undefined : lastOf.get(worker));
    expect(chain, file).toMatchObject({ ok: true, gaps: 0 });
    if (chain.ok) lastOf.set(worker, chain.last);
    lines.push(...begun.filter((line) => line !== null));
  }
  return lines;
}

const isOpen = (line: AuditLine) => ['allow', 'alert'].includes(String(line['pinwarden.verdict']));
const momentOf = (line: AuditLine) => Date.parse(String(line['@timestamp']));

function checkEvents(lines: readonly AuditLine[]): void {
  const byId = Map.groupBy(lines, (line) => String(line['event.id']));
  const killedMs = Math.max(0, ...kills.map(({ atMs }) => atMs));
  for (const [id, both] of byId) {
    const verdicts = both.filter((line) => line['event.action'] === 'verdict');
    const closes = both.filter((line) => line['event.action'] === 'close');
    expect(verdicts, id).toHaveLength(1);
    const mayLack = momentOf(verdicts[0]!) <= killedMs;
    if (!mayLack || closes.length > 0) expect(closes, id).toHaveLength(isOpen(verdicts[0]!) ? 1 : 0);
  }
  const lacking = [...byId.values()].filter((both) => both.length === 1 && isOpen(both[0]!));
  expect(lacking.length, 'only what the killed worker carried lacks its end').toBeLessThanOrEqual(
    CLIENTS * kills.length,
  );
}

async function checkCounts(lines: readonly AuditLine[]): Promise<void> {
  const metrics = await house.metrics();
  const verdicts = lines.filter((line) => line['event.action'] === 'verdict');
  const [first, second] = kills;
  for (const [key, group] of Map.groupBy(verdicts, (line) =>
    [line['pinwarden.policy'] ?? '_none', line['pinwarden.verdict']].map(String).join(' '),
  )) {
    const [policy = '', verdict = ''] = key.split(' ');
    const counted = metrics.value('pinwarden_verdicts_total', { policy, verdict });
    const lost = group.filter((line) => momentOf(line) >= (first?.atMs ?? 0) && momentOf(line) <= (second?.atMs ?? 0));
    expect(counted, key).toBeLessThanOrEqual(group.length);
    expect(counted, key).toBeGreaterThanOrEqual(group.length - lost.length);
  }
}

it(`${ROUNDS} rounds leave no wrong byte, no lost line, no socket and no memory`, { timeout: 900_000 }, async () => {
  const [worker = 0] = workersOf(house.pid);
  const sockets = socketsOf(worker) ?? 0;
  const memory: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const until = performance.now() + ROUND_MS;
    await Promise.all([
      runSoakLoad(world, seeded(SEED + round), CLIENTS, ROUND_MS, counts),
      disturb(until, seeded(SEED - round)),
      ...(round === KILL_ROUND ? [kill(worker)] : []),
    ]);
    await quiet();
    memory.push(processCost(worker)?.memoryBytes ?? 0);
  }
  console.log(JSON.stringify(Object.fromEntries(counts.tasks)), `rotations ${rotations}`);
  console.log(`memory MiB by round: ${memory.map((one) => Math.round(one / 2 ** 20)).join(' ')}`);
  expect(counts.faults).toEqual([]);
  expect(bad.map((one) => one.applicationBytes())).toEqual(bad.map(() => 0));
  await eventually('no socket is left', () => (socketsOf(worker) ?? 0) <= sockets);
  // What the collector has not taken yet comes and goes: the lower of two rounds is what stays.
  expect(Math.min(...memory.slice(-2)) - Math.min(...memory.slice(0, 2))).toBeLessThan(GROWTH_MAX_BYTES);
  const lines = wholeAudit();
  checkEvents(lines);
  await checkCounts(lines);
});

it('SIGTERM under load ends with 0, and nothing was uncaught', { timeout: 120_000 }, async () => {
  const ignored: SoakCounts = { tasks: new Map(), faults: [] };
  const load = runSoakLoad(world, seeded(SEED), CLIENTS, 5000, ignored);
  await new Promise((done) => setTimeout(done, 2000));
  expect(await house.stop()).toBe(0);
  await load;
  expect(house.output()).not.toMatch(/uncaught|unhandled|Warning|\n {4}at /i);
});
