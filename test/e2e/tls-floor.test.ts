/** What an upstream must speak: by rule, through the whole proxy, with reply, record and metrics of the same event. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions, connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { rejudge } from '../../src/proxy/tunnels.ts';
import { type RuleYaml, startProxy, type TestProxy } from '../proxy/in-process.ts';
import { connectTo, tunnel } from '../support/client.ts';
import { freePorts, type House, startHouse } from '../support/house.ts';
import { closed, closeServer, eventually, listen, track } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

const pki = testPki('rsa2048');
const HOST = 'box.test';
const leaf = pki.inter.issueLeaf({ dns: [HOST], key: 'rsa2048', keyUsage: ['digitalSignature', 'keyEncipherment'] });
const HOUR_MS = 3_600_000;

const ANY = 'ALL:@SECLEVEL=0';
const UPSTREAMS = {
  tls10: { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: ANY },
  tls11: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: ANY },
  tls12: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' },
  cbc12: { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES256-SHA384' },
  staticRsa12: { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' },
  modern: {},
} as const satisfies Readonly<Record<string, TlsOptions>>;
type Upstream = keyof typeof UPSTREAMS;

const ports = {} as Record<Upstream, number>;
const closers: (() => Promise<unknown>)[] = [];

async function serve(server: Server): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => track(open, socket));
  server.on('tlsClientError', () => undefined);
  closers.push(() => closeServer(server, open));
  return await listen(server);
}

beforeAll(async () => {
  for (const [name, options] of Object.entries(UPSTREAMS) as [Upstream, TlsOptions][]) {
    const keys = { key: leaf.keyPem, cert: leaf.chainPem };
    ports[name] = await serve(createTlsServer({ ...keys, ...options }, (socket) => socket.pipe(socket)));
  }
});

afterAll(async () => {
  for (const close of closers.splice(0)) await close();
});

const unsafe = (minVersion: string, until: string | number = '2099-01-01', ciphers?: string) => ({
  minVersion,
  ...(ciphers === undefined ? {} : { ciphers }),
  reason: 'no firmware',
  until: typeof until === 'string' ? until : new Date(until).toISOString().replace(/\.\d+Z/, 'Z'),
});

/** The rule of each upstream is called after it. */
const ruleFor = (name: Upstream, fields: object = {}): RuleYaml => ({
  name: name.toLowerCase(),
  match: [`${HOST}:${ports[name]}`],
  checks: { ct: 'off' },
  ...fields,
});

async function echo(socket: TLSSocket): Promise<string> {
  socket.write('ping');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}

describe('the whole proxy', () => {
  let house: House;

  beforeAll(async () => {
    const names = Object.keys(UPSTREAMS) as Upstream[];
    house = await startHouse({
      anchors: pki.root.pem,
      upstreams: names.map((name) => ({ host: HOST, port: ports[name] })),
      rules: [
        ruleFor('tls10'),
        ruleFor('tls11', { unsafeTls: unsafe('1.1') }),
        ruleFor('tls12', { tls: { minVersion: '1.3' } }),
        ruleFor('cbc12', { unsafeTls: unsafe('1.2') }),
        ruleFor('staticRsa12'),
        ruleFor('modern', { unsafeTls: unsafe('1.0') }),
      ],
    });
  });
  afterAll(async () => {
    expect(await house.stop()).toBe(0);
  });

  it('prints at start which rules lower the floor', () => {
    expect(house.output().replaceAll(/\n {12}/g, ' ')).toContain(
      'UNSAFE      rule tls11 accepts TLS 1.1 and later, legacy ciphers too, until 2099-01-01: no firmware',
    );
    expect(house.output()).not.toContain('UNSAFE      rule tls10');
  });

  it.each([
    ['tls10', 'allowed: TLS 1.2 and later, ECDHE with AEAD;', 'unsafeTls: { minVersion: "...", ciphers: legacy,'],
    ['tls12', 'allowed: TLS 1.3, ECDHE with AEAD;', 'tls: { minVersion: "1.2" }'],
    [
      'staticRsa12',
      'the upstream spoke TLS 1.2 TLS_RSA_WITH_AES_128_CBC_SHA;',
      'unsafeTls: { minVersion: "1.2", ciphers: legacy,',
    ],
  ] as const)('refuses %s: reply, record and metrics agree', async (name, allowed, write) => {
    const policy = name.toLowerCase();
    const before = await house.metrics();
    const { reply } = await connectTo(house.port, `${HOST}:${ports[name]}`);
    expect(reply).toMatchObject({ status: 502, reason: 'pinwarden: tls.version' });
    expect(reply.headers['proxy-status']).toContain('error=tls_protocol_error; details="tls.version policy=');
    const body = JSON.parse(reply.body) as Record<string, string>;
    expect(body).toMatchObject({ code: 'tls.version', policy, check: 'tls', status: 502 });
    expect(body['detail']).toContain(allowed);
    expect(body['detail']).toContain(write);
    const eventId = /event=([\w-]+)/.exec(reply.headers['proxy-status'] ?? '')?.[1] ?? '';
    const line = await house.verdictOf(eventId);
    expect(line).toMatchObject({ 'pinwarden.verdict': 'block', 'pinwarden.code': 'tls.version' });
    // What to write is for the one who reads the answer and then the rule; the record only says what was.
    expect(JSON.stringify(line)).not.toContain('unsafeTls');
    const labels = { policy, code: 'tls.version', action: 'block' };
    await eventually('the metrics', async () => {
      const after = await house.metrics();
      return after.value('pinwarden_findings_total', labels) - before.value('pinwarden_findings_total', labels) === 1;
    });
    expect((await house.metrics()).value('pinwarden_unsafe_tls_connections_total', { policy })).toBe(0);
  });

  it.each([
    ['tls11', '1.1', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA'],
    ['cbc12', '1.2', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384'],
  ] as const)('lets %s through under unsafeTls, in sight', async (name, version, cipher) => {
    const policy = name.toLowerCase();
    const secured = await tunnel(house.port, `${HOST}:${ports[name]}`, { ca: readFileSync(house.caFile) });
    // However old the upstream, we never speak less than TLS 1.2 to a client, and never more than the upstream earns.
    expect(secured.getProtocol()).toBe('TLSv1.2');
    expect(await echo(secured)).toBe('ping');
    const find = () => house.audit().find((line) => line['pinwarden.rule'] === policy);
    expect(find()).toMatchObject({
      'pinwarden.verdict': 'allow',
      'pinwarden.override': 'unsafeTls',
      'tls.version': version,
      'tls.cipher': cipher,
    });
    const metrics = await house.metrics();
    expect(metrics.value('pinwarden_unsafe_tls_connections_total', { policy, version })).toBe(1);
    expect(metrics.value('pinwarden_override_active', { policy })).toBe(1);
    secured.destroy();
  });

  it('does not count a modern upstream of a rule that would allow less', async () => {
    const secured = await tunnel(house.port, `${HOST}:${ports.modern}`, { ca: readFileSync(house.caFile) });
    expect(secured.getProtocol()).toBe('TLSv1.3');
    expect(await echo(secured)).toBe('ping');
    const line = house.audit().find((one) => one['pinwarden.rule'] === 'modern');
    expect(line).toMatchObject({ 'pinwarden.verdict': 'allow', 'tls.version': '1.3' });
    expect(line).not.toHaveProperty(['pinwarden.override']);
    const labels = { policy: 'modern' };
    expect((await house.metrics()).value('pinwarden_unsafe_tls_connections_total', labels)).toBe(0);
    secured.destroy();
  });
});

it('an exception that ends cuts what it let through, without a reload', { timeout: 90_000 }, async () => {
  const { tls10, modern } = ports;
  const box = (until: number) => [
    { name: 'box', match: [HOST], checks: { ct: 'off' }, unsafeTls: unsafe('1.0', until) },
  ];
  const upstreams = [tls10, modern].map((port) => ({ host: HOST, port }));
  const house = await startHouse({
    anchors: pki.root.pem,
    upstreams,
    rules: box(systemClock.nowMs() + HOUR_MS),
  });
  try {
    const options = { ca: readFileSync(house.caFile) };
    const old = await tunnel(house.port, `${HOST}:${tls10}`, options);
    const young = await tunnel(house.port, `${HOST}:${modern}`, options);
    for (const socket of [old, young]) socket.on('error', () => undefined);
    expect(await echo(old)).toBe('ping');
    // Its end is set when everything is open: how long a start takes does not matter.
    const untilMs = Math.ceil(systemClock.nowMs() / 1000) * 1000 + 5_000;
    await house.reload(box(untilMs));
    await closed(old);
    expect(systemClock.nowMs()).toBeGreaterThanOrEqual(untilMs);
    expect(await echo(young)).toBe('ping');
    const close = () => house.audit().find((line) => line['event.action'] === 'close');
    await eventually('the close line', () => close() !== undefined);
    expect(close()).toMatchObject({ 'pinwarden.reason': 'policy' });
    expect((await house.metrics()).value('pinwarden_override_active', { policy: 'box' })).toBe(0);
    expect((await connectTo(house.port, `${HOST}:${tls10}`)).reply.reason).toBe('pinwarden: tls.version');
    young.destroy();
  } finally {
    expect(await house.stop()).toBe(0);
  }
});

describe('a rule over time', () => {
  const open: TestProxy[] = [];
  let shiftMs = 0;
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + shiftMs };

  afterEach(async () => {
    shiftMs = 0;
    for (const proxy of open.splice(0)) await proxy.close();
  });

  async function proxyWith(name: Upstream, fields: object): Promise<TestProxy> {
    const rules = [ruleFor(name, fields)];
    const proxy = await startProxy({ anchors: pki.root.pem, hosts: [HOST], ports: [ports[name]], rules, clock });
    open.push(proxy);
    return proxy;
  }

  it('unsafeTls ends by itself, without a reload', async () => {
    const proxy = await proxyWith('tls10', { unsafeTls: unsafe('1.0', systemClock.nowMs() + HOUR_MS) });
    const secured = await tunnel(proxy.port, `${HOST}:${ports.tls10}`, { ca: proxy.caPem });
    expect(await echo(secured)).toBe('ping');
    expect(proxy.verdicts[0]).toMatchObject({ verdict: 'allow', code: null, evidence: { tlsVersion: 'TLSv1' } });
    secured.destroy();
    shiftMs = HOUR_MS + 1000;
    const { reply } = await connectTo(proxy.port, `${HOST}:${ports.tls10}`);
    expect(reply).toMatchObject({ status: 502, reason: 'pinwarden: tls.version' });
    expect(proxy.verdicts[1]).toMatchObject({ verdict: 'block', code: 'tls.version' });
  });

  it('unsafeTls that ends between the verdict and the hello is over before a byte flows', async () => {
    const proxy = await proxyWith('tls10', { unsafeTls: unsafe('1.0', systemClock.nowMs() + HOUR_MS) });
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${ports.tls10}`);
    expect(reply.status).toBe(200);
    shiftMs = HOUR_MS + 1000;
    const client = tlsConnect({ socket, servername: HOST, ca: proxy.caPem });
    const end = await new Promise((resolve) => {
      client.once('error', resolve).once('secureConnect', () => resolve('open'));
    });
    expect(end).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED' });
    await eventually('the record', () => proxy.verdicts.length === 1);
    expect(proxy.verdicts[0]).toMatchObject({ verdict: 'block', code: 'tls.version' });
    expect(proxy.house.tunnels.size).toBe(0);
  });

  it.each([
    ['tls12', {}, { tls: { minVersion: '1.3' } }],
    ['cbc12', { unsafeTls: unsafe('1.2') }, {}],
    ['tls11', { unsafeTls: unsafe('1.1') }, { unsafeTls: unsafe('1.2') }],
  ] as const)('a reload that raises the floor cuts the open tunnel of %s', async (name, before, after) => {
    const proxy = await proxyWith(name, before);
    const secured = await tunnel(proxy.port, `${HOST}:${ports[name]}`, { ca: proxy.caPem });
    secured.on('error', () => undefined);
    expect(await echo(secured)).toBe('ping');
    proxy.reload([ruleFor(name, before)]);
    expect(await rejudge(proxy.house)).toEqual({ kept: 1, cut: 0 });
    expect(await echo(secured)).toBe('ping');
    const cut = closed(secured);
    proxy.reload([ruleFor(name, after)]);
    expect(await rejudge(proxy.house)).toEqual({ kept: 0, cut: 1 });
    await cut;
    await eventually('the close record', () => proxy.closes.length === 1);
    expect(proxy.closes[0]).toMatchObject({ reason: 'policy' });
    const { reply } = await connectTo(proxy.port, `${HOST}:${ports[name]}`);
    expect(reply.reason).toBe('pinwarden: tls.version');
  });

  it('lowers nothing but TLS: a weak or foreign certificate stays refused', async () => {
    const rogue = pki.rogueInter.issueLeaf({ dns: [HOST], key: 'rsa2048' });
    const weak = pki.inter.issueLeaf({ dns: [HOST], key: 'rsa1024' });
    const sha1 = pki.inter.issueLeaf({ dns: [HOST], key: 'rsa2048', signature: 'sha1' });
    for (const [issued, code] of [
      [rogue, 'chain.incomplete'],
      [weak, 'chain.weak-key'],
      [sha1, 'chain.weak-signature'],
    ] as const) {
      const options = { ...UPSTREAMS.tls10, key: issued.keyPem, cert: issued.chainPem };
      const port = await serve(createTlsServer(options, (socket) => socket.pipe(socket)));
      const rules = [{ ...ruleFor('tls10', { unsafeTls: unsafe('1.0') }), match: [`${HOST}:${port}`] }];
      const proxy = await startProxy({ anchors: pki.root.pem, hosts: [HOST], ports: [port], rules, clock });
      open.push(proxy);
      const { reply } = await connectTo(proxy.port, `${HOST}:${port}`);
      expect(reply.reason).toBe(`pinwarden: ${code}`);
      expect(proxy.verdicts[0]).toMatchObject({ verdict: 'block', evidence: { tlsVersion: 'TLSv1' } });
    }
  });

  it('what no rule can allow stays refused when the upstream chooses it against our offer', async () => {
    const broken = { rc4Md5: 0x0004, rc4: 0x0005, tripleDes: 0x000a, nullSha: 0x0002, exportRc4: 0x0003, anon: 0x0034 };
    // AES, but a ServerHello without renegotiation_info (RFC 5746 §3.4).
    const suites = { ...broken, insecureRenegotiation: 0x002f };
    for (const suite of Object.values(suites)) {
      const port = await serve(
        createTcpServer((socket) => socket.once('data', () => socket.write(serverHello(suite)))),
      );
      const rules = [{ ...ruleFor('tls10', { unsafeTls: unsafe('1.0') }), match: [`${HOST}:${port}`] }];
      const proxy = await startProxy({ anchors: pki.root.pem, hosts: [HOST], ports: [port], rules, clock });
      open.push(proxy);
      const { reply } = await connectTo(proxy.port, `${HOST}:${port}`);
      expect([suite, reply.reason]).toEqual([suite, 'pinwarden: tls.version']);
      expect(proxy.verdicts).toMatchObject([{ verdict: 'block', code: 'tls.version' }]);
    }
  });
});

/** TLS 1.2, no session, no extensions (RFC 5246 §7.4.1.3). */
function serverHello(suite: number): Buffer {
  const body = Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(32, 7), Buffer.from([0, suite >> 8, suite & 255, 0])]);
  const message = Buffer.concat([Buffer.from([2, 0, 0, body.length]), body]);
  return Buffer.concat([Buffer.from([22, 3, 3, 0, message.length]), message]);
}

describeWith(['openssl'], 'openssl s_server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pinwarden-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function sServer(...args: readonly string[]): Promise<number> {
    const { key, cert, chain } = { key: 'key.pem', cert: 'cert.pem', chain: 'chain.pem' };
    writeFileSync(join(folder, key), leaf.keyPem);
    writeFileSync(join(folder, cert), leaf.pem);
    writeFileSync(join(folder, chain), leaf.chainPem);
    const [port = 0] = await freePorts(1);
    const files = ['-key', key, '-cert', cert, '-cert_chain', chain];
    const child = spawn('openssl', ['s_server', '-accept', `127.0.0.1:${port}`, '-rev', ...files, ...args], {
      cwd: folder,
    });
    const ended = once(child, 'exit');
    closers.push(async () => {
      child.kill();
      await ended;
    });
    let log = '';
    child.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    await eventually('openssl listens', () => log.includes('ACCEPT'));
    return port;
  }

  async function through(port: number, unsafeTls: object | null): Promise<string> {
    const fields = unsafeTls === null ? {} : { unsafeTls };
    const rules = [{ name: 'box', match: [`${HOST}:${port}`], checks: { ct: 'off' }, ...fields }];
    const proxy = await startProxy({ anchors: pki.root.pem, hosts: [HOST], ports: [port], rules });
    try {
      const secured = await tunnel(proxy.port, `${HOST}:${port}`, { ca: proxy.caPem });
      secured.write('abc\n');
      const [chunk] = (await once(secured, 'data')) as [Buffer];
      secured.destroy();
      expect(chunk.toString()).toBe('cba\n');
      return proxy.verdicts[0]?.evidence?.cipher ?? '';
    } catch {
      const last = proxy.verdicts.at(-1);
      return `${last?.verdict} ${last?.code}`;
    } finally {
      await proxy.close();
    }
  }

  it.each([
    ['-tls1_2', 'AES128-SHA', '1.2', 'TLS_RSA_WITH_AES_128_CBC_SHA'],
    ['-tls1_2', 'AES256-GCM-SHA384', '1.2', 'TLS_RSA_WITH_AES_256_GCM_SHA384'],
    ['-tls1_2', 'ECDHE-RSA-AES128-SHA256', '1.2', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256'],
    ['-tls1_1', 'AES256-SHA', '1.1', 'TLS_RSA_WITH_AES_256_CBC_SHA'],
    ['-tls1', 'AES128-SHA', '1.0', 'TLS_RSA_WITH_AES_128_CBC_SHA'],
  ])('%s %s is refused by default and spoken under unsafeTls', async (version, cipher, minVersion, standard) => {
    const port = await sServer(version, '-cipher', `${cipher}:@SECLEVEL=0`);
    expect(await through(port, null)).toBe('block tls.version');
    expect(await through(port, unsafe(minVersion))).toBe(standard);
  });

  it.each(['NULL-SHA256', 'ECDHE-RSA-NULL-SHA', 'AECDH-AES128-SHA', 'DHE-RSA-AES128-SHA'])(
    '%s is refused under unsafeTls too',
    async (cipher) => {
      const port = await sServer('-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`);
      expect(await through(port, unsafe('1.0'))).toBe('error tls.alert');
    },
  );
});
