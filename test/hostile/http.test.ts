/**
 * Everything a client can ask for in the clear and an upstream can answer to it, against the proxy as people run it. The
 * cases are data; after each of them the invariants hold: same processes, one verdict a request, nothing reaches an
 * upstream that was not allowed, nothing is smuggled behind it, nothing stays open, no secret in the output.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, type House, pinnedTo, startHouse } from '../support/house.ts';
import { socketsOf } from '../support/leaks.ts';
import { plainHead, RawClient } from '../support/raw-client.ts';
import { type RawOrigin, rawOrigin } from '../support/raw-origin.ts';
import { eventually } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';

interface RequestCase {
  readonly id: string;
  readonly why: string;
  /** latin1, with `{port}`, `{proxy}`, `{metrics}` and `{text*count}`. */
  readonly send: string;
  /** Requests that may reach the upstream; one that is answered does. */
  readonly reaches: 0 | 1;
  /** Status 0: closed without an answer. */
  readonly expect: { readonly status: readonly number[]; readonly code?: string };
}

interface ResponseCase {
  readonly id: string;
  readonly why: string;
  readonly reply: string;
  readonly ends: 'fin' | 'reset';
  /** `broken`: the client sees that the answer is not whole. */
  readonly expect: '502' | 'broken' | 'whole';
  readonly status?: number;
  readonly code?: string;
}

function load<T>(name: string): readonly T[] {
  return JSON.parse(
    readFileSync(fileURLToPath(new URL(`../cases/hostile/${name}.json`, import.meta.url)), 'utf8'),
  ) as T[];
}

const requests = load<RequestCase>('http-requests');
const responses = load<ResponseCase>('http-responses');
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
const SECRET = /hunter2secret|aHVudGVyMnNlY3JldA/;

let house: House;
let origin: RawOrigin;
let fields: Readonly<Record<string, number>>;
let workers: readonly number[];
/** What the upstream answers next. */
let next: Pick<ResponseCase, 'reply' | 'ends'> = { reply: OK, ends: 'fin' };

beforeAll(async () => {
  origin = await rawOrigin((socket) => {
    const { reply, ends } = next;
    if (ends === 'fin') socket.end(reply, 'latin1');
    else socket.write(reply, 'latin1', () => setTimeout(() => socket.resetAndDestroy(), 20));
  });
  const pki = testPki();
  const [port = 0, metricsPort = 0] = await freePorts(2);
  const at = ['plain.test', 'pin.test', 'self.test'];
  house = await startHouse({
    ports: [port, metricsPort],
    anchors: pki.root.pem,
    upstreams: [],
    rules: [
      { name: 'plain', match: ['plain.test', 'self.test'], checks: { ct: 'off' } },
      { name: 'pin', match: ['pin.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } },
    ],
    config: {
      egress: {
        ports: [443, 80, origin.port, port, metricsPort],
        hosts: Object.fromEntries(at.map((host) => [host, ['127.0.0.1']])),
      },
    },
  });
  fields = { port: origin.port, proxy: house.port, metrics: house.metricsPort };
  workers = house.pids();
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  await origin.close();
});

function filled(text: string): string {
  return text
    .replace(/\{(port|proxy|metrics)\}/g, (_all, name: string) => String(fields[name]))
    .replace(/\{([^{}]*)\*(\d+)\}/g, (_all, part: string, count: string) => part.repeat(Number(count)));
}

/** A request that must go well: nothing before it has hurt the process. */
async function healthy(): Promise<void> {
  next = { reply: OK, ends: 'fin' };
  const one = new RawClient(house.port).send(
    plainHead('GET /healthy', `plain.test:${origin.port}`, 'Connection: close'),
  );
  await one.end();
  expect(one.text).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\nhi$/);
  expect(house.pids(), 'no process has died').toEqual(workers);
}

function verdictsSince(count: number) {
  return house
    .audit()
    .filter((line) => line['event.action'] === 'verdict')
    .slice(count);
}

describe('what a client asks', () => {
  it.each(requests)('$id $why', async (one) => {
    next = { reply: OK, ends: 'fin' };
    const reached = origin.connections();
    const before = verdictsSince(0).length;
    const client = new RawClient(house.port).send(filled(one.send));
    // One that stays open after a whole answer is closed from here.
    await eventually('an answer or an end', () => client.ending !== 'open' || client.has('\r\n\r\nhi'));
    client.close();
    const [status = 0, ...more] = client.statuses();
    expect(one.expect.status, client.text).toContain(status);
    if (one.expect.code !== undefined) expect(client.text).toContain(`details="${one.expect.code} `);
    expect(more, 'nothing that was pipelined is answered').toEqual([]);
    expect(origin.connections() - reached).toBeLessThanOrEqual(one.reaches);
    const seen = origin.received.slice(reached).join('');
    const heads = (seen.match(/\bHTTP\/1\.[01]\r\n/g) ?? []).length;
    expect(heads).toBeLessThanOrEqual(one.reaches);
    if (status === 200) expect(heads).toBe(1);
    expect(seen).not.toMatch(/smuggled|proxy-|hunter2|aHVud/i);
    expect(seen.match(/^host:/gim) ?? []).toHaveLength(heads);
    await eventually('one verdict', () => verdictsSince(before).length >= 1);
    expect(verdictsSince(before)).toHaveLength(1);
    await healthy();
  });
});

describe('what an upstream answers', () => {
  it.each(responses)('$id $why', async (one) => {
    next = { reply: filled(one.reply), ends: one.ends };
    const before = verdictsSince(0).length;
    const head = plainHead('GET /', `plain.test:${origin.port}`);
    // A second request behind it must never be answered with what is left of the first.
    const client = new RawClient(house.port).send(head);
    await eventually(
      'an answer or an end',
      () => client.ending !== 'open' || client.has(/\r\n\r\nhi|HTTP\/1\.1 [23]04/),
    );
    const ending = client.ending;
    const statuses = client.statuses().filter((status) => status >= 200);
    if (one.expect === '502') {
      expect(statuses).toEqual([502]);
      expect(client.text).toContain(`details="${one.code ?? 'response.'}`);
      expect(ending).toBe('fin');
    } else if (one.expect === 'broken') {
      expect(ending).toBe('reset');
      expect(statuses.filter((status) => status !== 200)).toEqual([]);
    } else {
      expect(statuses.at(-1)).toBe(one.status);
      expect(client.text).not.toMatch(/SECRET|forged|[^\0-\x7f]/);
      next = { reply: OK, ends: 'fin' };
      client.send(head);
      await eventually('the next answer, in step', () => client.statuses().length > statuses.length);
    }
    client.close();
    await eventually('a verdict for each', () => verdictsSince(before).length >= (one.expect === 'whole' ? 2 : 1));
    expect(verdictsSince(before)).toHaveLength(one.expect === 'whole' ? 2 : 1);
    await healthy();
  });
});

describe('after all of it', () => {
  it('every event has one verdict, and one close if bytes flowed', async () => {
    const lines = () => house.audit();
    const ids = (action: string) =>
      lines()
        .filter((line) => line['event.action'] === action)
        .map((line) => line['event.id']);
    expect(new Set(ids('verdict')).size).toBe(ids('verdict').length);
    const relayed = () =>
      lines().filter((line) => line['event.action'] === 'verdict' && line['pinwarden.verdict'] === 'allow').length;
    await eventually('a close for each', () => ids('close').length === relayed());
    expect(new Set(ids('close')).size).toBe(ids('close').length);
    const modes = new Set(lines().map((line) => line['pinwarden.mode']));
    expect(modes).toEqual(new Set(['plaintext', null]));
  });

  it('the metrics speak of plain requests', async () => {
    const metrics = await house.metrics();
    expect(metrics.value('pinwarden_tunnels_total', { mode: 'plaintext', verdict: 'allow' })).toBeGreaterThan(50);
    expect(metrics.value('pinwarden_verdicts_total', { policy: 'pin', verdict: 'block' })).toBeGreaterThanOrEqual(2);
  });

  it('no secret is in the output, the audit or the metrics', async () => {
    const text = [house.output(), JSON.stringify(house.audit()), (await house.metrics()).series.join('\n')].join('\n');
    expect(text).not.toMatch(SECRET);
    expect(text).not.toMatch(/PRIVATE KEY|Warning/);
  });

  it('nothing stays open', async () => {
    await eventually('upstream sockets are closed', () => origin.open() === 0);
    const at = async () => (await house.metrics()).value('pinwarden_connections_active');
    await eventually('no connection is active', async () => (await at()) === 0);
    for (const pid of house.pids()) {
      await eventually(`process ${pid} is at rest`, () => (socketsOf(pid) ?? 0) < 12);
    }
  });
});
