/**
 * Everything a client can say to the listener, against the proxy as people run it. The cases are data; after each of
 * them the invariants hold: same processes, one verdict for one event, nothing dialled that was not allowed, nothing
 * left open, no label from outside, no secret in the output, and a healthy request goes through.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { duplexPair } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CODES } from '../../src/model/codes.ts';
import { connectHead, exchange, type Reply, readReply } from '../support/client.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { freePorts, type House, type Metrics, pinnedTo, startHouse } from '../support/house.ts';
import { socketsOf } from '../support/leaks.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { closed, dialLocal, eventually } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';

interface Case {
  readonly id: string;
  readonly why: string;
  /** CONNECT target with an agreeing Host; or `send`: the bytes as they are. Both are latin1. */
  readonly target?: string;
  readonly send?: string;
  /** Status 0: closed without an answer. `replies`: status lines in all that came. */
  readonly expect: { readonly status: readonly number[]; readonly code?: string; readonly replies?: number };
}

const file = fileURLToPath(new URL('../cases/hostile/connect.json', import.meta.url));
const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly Case[];

/** A password that cases send; it may appear nowhere. */
const SECRET = /hunter2secret|aHVudGVyMnNlY3JldA/;

let house: House;
let origin: Origin;
let fields: Readonly<Record<string, number>>;
let workers: readonly number[];
let dns: DnsServer;

beforeAll(async () => {
  const pki = testPki();
  const leaf = pki.inter.issueLeaf({ dns: ['pin.test'] });
  origin = await echoOrigin(leaf);
  // Knows no name: whatever a case asks for stays on this machine.
  dns = await startDnsServer({});
  const [port = 0, metricsPort = 0] = await freePorts(2);
  house = await startHouse({
    ports: [port, metricsPort],
    anchors: pki.root.pem,
    upstreams: [{ host: 'pin.test', port: origin.port }],
    rules: [{ name: 'pin', match: ['pin.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } }],
    config: {
      egress: {
        // The proxy's own ports are allowed, so that only the address can refuse them; 22 stays out.
        ports: [443, 80, origin.port, port, metricsPort],
        dns: { servers: [dns.server] },
        hosts: { 'pin.test': ['127.0.0.1'], 'self.test': ['127.0.0.1'] },
      },
    },
    limits: { headTimeoutMs: 2_000 },
  });
  fields = { port: origin.port, proxy: house.port, metrics: house.metricsPort };
  workers = house.pids();
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  await origin.close();
  await dns.close();
});

/** Puts the ports in and unfolds `{text*count}`. */
function bytesOf(one: Case): Buffer {
  const filled = (text: string) =>
    text
      .replace(/\{(port|proxy|metrics)\}/g, (_all, name: string) => String(fields[name]))
      .replace(/\{([^{}]*)\*(\d+)\}/g, (_all, part: string, count: string) => part.repeat(Number(count)));
  return Buffer.from(one.send === undefined ? connectHead(filled(one.target ?? '')) : filled(one.send), 'latin1');
}

function eventOf(reply: Reply): string | null {
  return /event=([A-Za-z0-9-]+)/.exec(reply.headers['proxy-status'] ?? '')?.[1] ?? null;
}

async function healthy(): Promise<void> {
  const { reply, socket } = await exchange(house.port, connectHead(`pin.test:${origin.port}`));
  socket.destroy();
  expect(reply.status).toBe(200);
}

const codes = new Set<string>([...Object.keys(CODES), '']);

function unknownLabels(metrics: Metrics): string[] {
  return metrics.series.filter((line) => {
    const code = /[{,]code="([^"]*)"/.exec(line)?.[1] ?? '';
    const policy = /[{,]policy="([^"]*)"/.exec(line)?.[1] ?? 'pin';
    return !codes.has(code) || !['pin', 'unmatched', '_other', '_none', ''].includes(policy);
  });
}

describe('what a client says', () => {
  it.each(cases)('$id $why', async (one) => {
    const dialled = origin.connections();
    const reached = origin.applicationBytes();
    const { reply, socket } = await exchange(house.port, bytesOf(one));
    const wanted = one.expect;
    expect(wanted.status, JSON.stringify(reply)).toContain(reply.status);
    if (wanted.code !== undefined) expect(reply.headers['proxy-status']).toContain(`details="${wanted.code} `);
    if (wanted.replies !== undefined) {
      expect((reply.body.match(/^HTTP\/1\.[01] \d{3}/gm) ?? []).length + 1).toBe(wanted.replies);
    }
    if (reply.status !== 200) {
      expect(origin.connections(), 'nothing is dialled').toBe(dialled);
      await eventually('the refused connection is closed', () => socket.destroyed || socket.readableEnded);
    }
    socket.destroy();
    expect(origin.applicationBytes(), 'no application byte upstream').toBe(reached);
    const event = eventOf(reply);
    if (event !== null) {
      await house.verdictOf(event);
      const lines = house.audit().filter((line) => line['event.id'] === event && line['event.action'] === 'verdict');
      expect(lines).toHaveLength(1);
      expect(reply.headers['proxy-status']).toContain(String(lines[0]?.['pinwarden.code']));
    }
    await healthy();
    expect(house.pids(), 'no process has died').toEqual(workers);
  });
});

describe('behaviour over time', () => {
  it('A36: a hello in the packet of the CONNECT is used once, and not lost', async () => {
    const [near, far] = duplexPair();
    const client = tlsConnect({ socket: near, servername: 'pin.test', ca: readFileSync(house.caFile) });
    const [hello] = (await once(far, 'data')) as [Buffer];
    const socket = dialLocal(house.port);
    socket.write(Buffer.concat([Buffer.from(connectHead(`pin.test:${origin.port}`)), hello]));
    expect((await readReply(socket)).status).toBe(200);
    far.pipe(socket);
    socket.pipe(far);
    client.write('carried');
    const [echoed] = (await once(client, 'data')) as [Buffer];
    expect(echoed.toString()).toBe('carried');
    client.destroy();
    socket.destroy();
  });

  it('A39: heads that drip are let go, and meanwhile others are served', async () => {
    const slow = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = dialLocal(house.port);
        socket.on('error', () => socket.destroy());
        await once(socket, 'connect');
        socket.write('CONNECT pin.test');
        return socket;
      }),
    );
    await healthy();
    const replies = await Promise.all(slow.map((socket) => readReply(socket)));
    expect(new Set(replies.map((reply) => reply.status))).toEqual(new Set([408]));
    for (const socket of slow) socket.destroy();
  });

  it('A41: a client that ends right behind its CONNECT leaves nothing behind', async () => {
    for (let round = 0; round < 20; round += 1) {
      const socket = dialLocal(house.port);
      socket.on('error', () => socket.destroy());
      socket.end(connectHead(`pin.test:${origin.port}`));
      socket.resume();
      await closed(socket);
    }
    await eventually('upstream sockets are closed', () => origin.open() === 0);
    await healthy();
  });

  it('A45: a reset right behind the 200 kills nobody', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { socket } = await exchange(house.port, connectHead(`pin.test:${origin.port}`));
      socket.resetAndDestroy();
    }
    await healthy();
    expect(house.pids()).toEqual(workers);
    await eventually('upstream sockets are closed', () => origin.open() === 0);
  });

  it('junk of every kind kills nobody', async () => {
    const kinds = [randomBytes(4096), Buffer.alloc(65_536), Buffer.from('\r\n'.repeat(9000)), Buffer.from('CONNECT ')];
    for (const bytes of kinds) {
      const { socket } = await exchange(house.port, Buffer.concat([bytes, Buffer.from('\r\n\r\n')]));
      socket.destroy();
    }
    await healthy();
    expect(house.pids()).toEqual(workers);
  });
});

describe('after all of it', () => {
  it('no label came from outside', async () => {
    expect(unknownLabels(await house.metrics())).toEqual([]);
  });

  it('no secret is in the output, the audit or the metrics', async () => {
    const text = [house.output(), JSON.stringify(house.audit()), (await house.metrics()).series.join('\n')].join('\n');
    expect(text).not.toMatch(SECRET);
    expect(text).not.toMatch(/PRIVATE KEY/);
    const key = readFileSync(`${house.dir}/ca-key.pem`, 'utf8').split('\n')[1] ?? '';
    expect(text).not.toContain(key);
  });

  it('every event has exactly one verdict', () => {
    const events = house.audit().filter((line) => line['event.action'] === 'verdict');
    expect(new Set(events.map((line) => line['event.id'])).size).toBe(events.length);
    expect(events.length).toBeGreaterThanOrEqual(cases.length);
  });

  it('nothing stays open', async () => {
    // Two listening sockets and the channels to the workers are what a proxy at rest holds.
    await eventually('upstream sockets are closed', () => origin.open() === 0);
    const at = async () => (await house.metrics()).value('pinwarden_connections_active');
    await eventually('no connection is active', async () => (await at()) === 0);
    for (const pid of house.pids()) {
      await eventually(`process ${pid} is at rest`, () => (socketsOf(pid) ?? 0) < 12);
    }
  });
});
