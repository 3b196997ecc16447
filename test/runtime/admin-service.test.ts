import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { CHANGE_HEADER } from '../../src/observe/admin-api.ts';
import { adminRoutes, type Controlled } from '../../src/runtime/admin-service.ts';
import { createSight } from '../../src/runtime/sight.ts';
import { connectTo } from '../support/client.ts';
import { workersOf } from '../support/house.ts';
import { type RunningSupervisor, runSupervisor } from '../support/runtime-material.ts';
import { eventually } from '../support/sockets.ts';

const running: RunningSupervisor[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map(async (one) => one.stop()));
});

const POLICY = `version: 1
rules:
  - { name: bank, match: [api.bank.example], onFailure: block }
  - { name: wide, match: ["**.bank.example"], onFailure: alert }
`;
const CONFIG = { admin: { unix: 'admin.sock' }, policies: ['p.yaml'], clients: { ci: ['10.4.0.0/16'] } };

async function start(config: Readonly<Record<string, unknown>> = {}) {
  const one = await runSupervisor({ ...CONFIG, ...config }, { 'p.yaml': POLICY });
  running.push(one);
  return one;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask({ dir }: RunningSupervisor, path: string, method = 'GET', body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { [CHANGE_HEADER]: '1', ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const asked = request({ socketPath: join(dir, 'admin.sock'), path, method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    asked.once('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Live events, and a function that ends them. */
function watch({ dir }: RunningSupervisor) {
  const seen = { text: '', ended: false };
  const asked = request({ socketPath: join(dir, 'admin.sock'), path: '/v1/events', agent: false }, (response) => {
    response.on('data', (chunk: Buffer) => {
      seen.text += chunk.toString();
    });
    response.once('close', () => {
      seen.ended = true;
    });
  });
  asked.on('error', () => undefined);
  asked.end();
  return { seen, end: () => asked.destroy() };
}

async function knock({ supervisor }: RunningSupervisor): Promise<void> {
  const { socket } = await connectTo(supervisor.bound[0]!.port, 'a.example:25');
  socket.destroy();
}

describe('wrong questions', () => {
  it('are answered with what is wrong', async () => {
    const one = await start();
    for (const [path, status] of [
      ['/v1/explain', 400],
      ['/v1/explain?host=a%20b', 400],
      ['/v1/explain?host=a.example&client=nobody', 400],
      ['/v1/events?since=yesterday', 400],
      ['/v1/events?limit=0', 400],
      ['/v1/events?limit=1e3', 400],
      ['/v1/policies?offset=-1', 400],
      [`/v1/evidence/${'a'.repeat(64)}`, 404],
      ['/v1/evidence/..', 404],
    ] as const) {
      expect([path, (await ask(one, path)).status]).toEqual([path, status]);
    }
    expect((await ask(one, '/v1/drain', 'POST', { timeoutMs: -1 })).status).toBe(400);
    expect((await ask(one, '/v1/drain', 'POST', { timeoutMs: '1' })).status).toBe(400);
    expect(one.supervisor.readiness().serving).toBe(true);
  });
});

it('explains what runs, not what lies in the files', async () => {
  const one = await start();
  writeFileSync(join(one.dir, 'p.yaml'), 'rules: [');
  const { body } = await ask(one, '/v1/explain?host=api.bank.example&client=10.4.1.1');
  expect(body).toMatchObject({
    generation: 1,
    decision: 'rule',
    rule: { name: 'bank' },
    clients: ['ci'],
    portAllowed: true,
  });
  expect(String(body['text'])).toContain('api.bank.example:443 for client ci: rule bank');
  expect((await ask(one, '/v1/explain?host=a.example:25')).body).toMatchObject({ portAllowed: false });
});

it('lists rules in pages, with what is held', async () => {
  const one = await start();
  const whole = await ask(one, '/v1/policies');
  expect(whole.body).toMatchObject({
    generation: 1,
    total: 2,
    rules: [{ name: 'bank', onFailure: 'block' }, { name: 'wide' }],
  });
  expect((await ask(one, '/v1/policies?offset=1&limit=1')).body['rules']).toMatchObject([{ name: 'wide' }]);
  writeFileSync(join(one.dir, 'p.yaml'), 'rules: [');
  await ask(one, '/v1/reload', 'POST');
  expect((await ask(one, '/v1/policies')).body['held']).toMatchObject([{ hasLastGood: true }]);
});

it('reloads, and says what was refused and why', async () => {
  const one = await start();
  expect(await ask(one, '/v1/reload', 'POST')).toMatchObject({
    status: 200,
    body: { result: 'unchanged', generation: 1 },
  });
  writeFileSync(join(one.dir, 'p.yaml'), POLICY.replace('name: wide', 'name: broad'));
  const both = await Promise.all([ask(one, '/v1/reload', 'POST'), ask(one, '/v1/reload', 'POST')]);
  expect(new Set(both.map(({ body }) => body['result']))).toEqual(new Set(['accepted', 'unchanged']));
  expect(both[1]?.body['generation']).toBe(2);
  const config = JSON.parse(readFileSync(join(one.dir, 'pinwarden.yaml'), 'utf8')) as object;
  const ca = { certificateFile: 'ca.pem', keyFile: 'ca-key.pem', create: 'never' };
  writeFileSync(join(one.dir, 'pinwarden.yaml'), JSON.stringify({ ...config, workers: 1, ca }));
  expect((await ask(one, '/v1/reload', 'POST')).body).toMatchObject({ generation: 3, needsRestart: ['workers'] });
  writeFileSync(join(one.dir, 'p.yaml'), 'rules: [');
  expect(await ask(one, '/v1/reload', 'POST')).toMatchObject({
    status: 422,
    body: { result: 'refused', generation: 3, refused: [{ file: join(one.dir, 'p.yaml'), line: 1 }] },
  });
  expect(await ask(one, '/v1/reload', 'POST'), 'and as long as it is held back').toMatchObject({
    status: 422,
    body: { result: 'refused', generation: 3, refused: [{ file: join(one.dir, 'p.yaml'), line: 1 }] },
  });
  writeFileSync(join(one.dir, 'pinwarden.yaml'), JSON.stringify({ ...config, ca }));
  expect(await ask(one, '/v1/reload', 'POST'), 'though something was taken').toMatchObject({
    status: 422,
    body: { result: 'partly', generation: 4, refused: [{ file: join(one.dir, 'p.yaml'), line: 1 }] },
  });
  writeFileSync(join(one.dir, 'p.yaml'), POLICY.replace('name: wide', 'name: broad'));
  expect(await ask(one, '/v1/reload', 'POST')).toMatchObject({
    status: 200,
    body: { result: 'accepted', refused: [] },
  });
  writeFileSync(join(one.dir, 'p.yaml'), POLICY.slice(0, POLICY.indexOf('  - { name: wide')));
  // A beginning of what runs, which a watch would not take yet: whoever asks says that it is whole.
  expect(await ask(one, '/v1/reload', 'POST')).toMatchObject({ status: 200, body: { refused: [], waiting: [] } });
  expect((await ask(one, '/v1/policies')).body).toMatchObject({ waiting: [], held: [] });
});

it.each([
  [0, 200],
  [1, 202],
])('a reload that %i workers have not taken yet is answered %i', async (workersBehind, status) => {
  const { supervisor, dir } = await start();
  const { generation, config } = supervisor;
  const controlled: Controlled = {
    generation,
    config,
    workersBehind,
    reload: async (by) => supervisor.reload(by),
    drain: async (timeoutMs) => supervisor.drain(timeoutMs),
  };
  const counts = { evidenceLost: () => undefined, eventsDropped: () => undefined };
  const sight = createSight({ state: dir, clock: systemClock, demand: () => undefined, log: () => undefined, counts });
  const routes = adminRoutes({ clock: systemClock, sight, supervisor: () => controlled });
  const route = routes.find(({ path }) => path === '/v1/reload');
  const answer = await route?.handle({ query: new Map(), rest: '', body: {} });
  sight.close();
  expect(answer).toMatchObject({ status, body: { result: 'unchanged', workersBehind } });
});

describe('events', () => {
  it('of all workers arrive live while somebody watches', async () => {
    const one = await start();
    await knock(one);
    const { seen, end } = watch(one);
    await eventually('the stream', () => seen.text.includes('events follow'));
    await eventually('two live events', async () => {
      await knock(one);
      return (seen.text.match(/event: verdict/g) ?? []).length >= 2;
    });
    expect(seen.text).toContain('"pinwarden.code":"port.denied"');
    expect(await one.supervisor.metricsText()).toContain('pinwarden_event_stream_subscribers 1');
    end();
    await eventually('nobody watches', async () =>
      (await one.supervisor.metricsText()).includes('pinwarden_event_stream_subscribers 0'),
    );
  });

  it.skipIf(process.platform !== 'linux')('of a worker that took the place of another one too', async () => {
    const one = await start({ workers: 1 });
    const { seen, end } = watch(one);
    await eventually('the stream', () => seen.text.includes('events follow'));
    for (const pid of workersOf(process.pid)) process.kill(pid, 'SIGKILL');
    await eventually('another worker', async () =>
      (await one.supervisor.metricsText()).includes('pinwarden_worker_restarts_total{reason="crash"} 1'),
    );
    await knock(one);
    await eventually('an event', () => seen.text.includes('event: verdict'));
    end();
  });

  it('of the past are read from the audit files', async () => {
    const one = await start();
    for (let at = 0; at < 5; at += 1) await knock(one);
    const all = await ask(one, '/v1/events?since=2026-01-01T00:00:00Z');
    expect(all.body['events']).toHaveLength(5);
    const some = await ask(one, '/v1/events?limit=2');
    expect(some.body).toMatchObject({ events: [{ 'event.action': 'verdict' }, {}], leftOut: 3 });
    expect((await ask(one, '/v1/events?since=2999-01-01T00:00:00Z')).body['events']).toEqual([]);
  });
});

it('drains: the answer comes first, then streams and sockets end', async () => {
  const one = await start();
  const { seen } = watch(one);
  await eventually('the stream', () => seen.text.includes('events follow'));
  expect(await ask(one, '/v1/drain', 'POST', { timeoutMs: 100 })).toMatchObject({
    status: 202,
    body: { draining: true },
  });
  expect(await one.supervisor.ended).toEqual({ finished: 0, cut: 0 });
  await eventually('the end of the stream', () => seen.ended);
  await expect(ask(one, '/v1/policies')).rejects.toThrow();
});
