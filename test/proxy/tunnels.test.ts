import { describe, expect, it } from 'vitest';
import { Der } from '../../src/model/der.ts';
import type { Evidence } from '../../src/model/evidence.ts';
import { openTunnel as openedTunnel, rejudge } from '../../src/proxy/tunnels.ts';
import { connectTo, tunnel } from '../support/client.ts';
import { closed } from '../support/sockets.ts';
import { closeAfterEach, goodLeaf, HOST, handshakeIn, origin, PINS_OF_OTHERS, pki, proxyFor, say } from './stage.ts';

closeAfterEach();

const RULE = { name: 'bank', match: [HOST] };
const BYPASS = { ...RULE, mode: 'bypass', reason: 'pinned by the app itself' };

/** In the middle of the next minute but one. */
const END_MS = (Math.floor(Date.now() / 60_000) + 2.5) * 60_000;
const ending = {
  chain: [pki.inter.issueLeaf({ dns: [HOST], notAfter: END_MS }), pki.inter].map(({ der }) => Der.of(der)),
};

async function openTunnel(rule: object = {}) {
  const upstream = await origin();
  const proxy = await proxyFor({ port: upstream.port, rule });
  return { upstream, proxy };
}

describe('a reload cuts an open tunnel', () => {
  it.each([
    ['whose pins do not match any more', [{ ...RULE, pins: PINS_OF_OTHERS }], undefined],
    ['whose key is denied now', [{ ...RULE, pins: { noneOf: [{ any: goodLeaf.pin }] } }], undefined],
    ['whose host is denied now', [], { unmatched: { action: 'deny' } }],
    ['whose port is denied now', [RULE], { egress: { ports: [443] } }],
    ['whose address is denied now', [{ ...RULE, allowPrivate: ['10.0.0.0/8'] }], undefined],
    ['that is bypassed now, to an address that is denied', [{ ...BYPASS, allowPrivate: [] }], undefined],
  ])('%s', async (_what, rules, config) => {
    const { upstream, proxy } = await openTunnel();
    const client = await tunnel(proxy.port, `${HOST}:${upstream.port}`, proxyTrust(proxy));
    expect(await say(client, 'before')).toBe('before');
    proxy.reload(rules, config);
    client.on('error', () => undefined);
    expect(await rejudge(proxy.house)).toEqual({ kept: 0, cut: 1 });
    await closed(client);
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]).toMatchObject({ reason: 'policy', bytesUp: 6, bytesDown: 6 });
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it.each(['10.0.0.0/8', '127.0.0.0/8'])(
    'whose client has left its group, and no other: the group is %s',
    async (range) => {
      const upstream = await origin();
      const clients = (...ranges: readonly string[]) => ({
        egress: { ports: [upstream.port], hosts: { [HOST]: ['127.0.0.1'] } },
        clients: { ci: ranges },
      });
      const rules = [
        { ...RULE, clients: ['ci'] },
        { ...RULE, name: 'others', pins: PINS_OF_OTHERS },
      ];
      const config = clients('127.0.0.0/8');
      const proxy = await proxyFor({ port: upstream.port, rule: { clients: ['ci'] }, more: { config } });
      proxy.reload(rules, config);
      const client = await tunnel(proxy.port, `${HOST}:${upstream.port}`, proxyTrust(proxy));
      client.on('error', () => undefined);
      expect(await say(client, 'before')).toBe('before');
      proxy.reload(rules, clients(range));
      const isIn = range === '127.0.0.0/8';
      expect(await rejudge(proxy.house)).toEqual(isIn ? { kept: 1, cut: 0 } : { kept: 0, cut: 1 });
      client.destroy();
      await expect.poll(() => proxy.closes.length).toBe(1);
      expect(proxy.closes[0]?.reason === 'policy').toBe(!isIn);
    },
  );

  it('that nobody looked into and that must be looked into now', async () => {
    const { upstream, proxy } = await openTunnel(BYPASS);
    const client = await tunnel(proxy.port, `${HOST}:${upstream.port}`, { ca: pki.root.pem });
    client.on('error', () => undefined);
    proxy.reload([RULE]);
    expect(await rejudge(proxy.house)).toEqual({ kept: 0, cut: 1 });
    await closed(client);
  });
});

it.each<readonly [string, Partial<Evidence>, Partial<Evidence>, object]>([
  [
    'TLS',
    {},
    { tlsVersion: 'TLSv1.2', cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' },
    { tls: { minVersion: '1.3' } },
  ],
  [
    'what completed their chains',
    { chain: [Der.of(goodLeaf.der)], completing: [Der.of(pki.inter.der)] },
    { chain: [Der.of(goodLeaf.der)], completing: [] },
    {},
  ],
  ['a second', { ...ending, seenAtMs: END_MS }, { ...ending, seenAtMs: END_MS + 1000 }, {}],
])('tunnels that differ in %s alone are judged one by one', async (_what, kept, refused, fields) => {
  const { upstream, proxy } = await openTunnel();
  const client = await tunnel(proxy.port, `${HOST}:${upstream.port}`, proxyTrust(proxy));
  client.on('error', () => undefined);
  const [real] = [...proxy.house.tunnels.all()];
  if (real === undefined) throw new Error('no tunnel');
  const twins = [kept, refused].map((changes) =>
    openedTunnel({ ...real, eventId: 'twin', evidence: Object.freeze({ ...real.evidence, ...changes }) }),
  );
  const removers = twins.map((twin) => proxy.house.tunnels.add(twin));
  proxy.reload([{ ...RULE, ...fields }]);
  expect(await rejudge(proxy.house)).toEqual({ kept: 2, cut: 1 });
  expect(twins.map((twin) => twin.cutSignal.aborted)).toEqual([false, true]);
  expect(await say(client, 'still')).toBe('still');
  for (const remove of removers) remove();
  client.destroy();
});

describe('a reload keeps an open tunnel', () => {
  it.each([
    ['of the same rule', [RULE], {}],
    ['that is only alerted', [{ ...RULE, pins: PINS_OF_OTHERS, onFailure: 'alert' }], {}],
    ['that need not be looked into any more', [BYPASS], {}],
  ])('%s', async (_what, rules, rule) => {
    const { upstream, proxy } = await openTunnel(rule);
    const clients = await Promise.all(
      [1, 2, 3].map(() => tunnel(proxy.port, `${HOST}:${upstream.port}`, proxyTrust(proxy))),
    );
    proxy.reload(rules);
    expect(await rejudge(proxy.house)).toEqual({ kept: 3, cut: 0 });
    expect([...proxy.house.tunnels.all()].map((one) => one.generation)).toEqual([2, 2, 2]);
    for (const client of clients) {
      expect(await say(client, 'after')).toBe('after');
      client.destroy();
    }
  });
});

describe('a reload between the verdict and the hello', () => {
  it('is obeyed before a byte flows', async () => {
    const { upstream, proxy } = await openTunnel();
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(200);
    proxy.reload([{ ...RULE, pins: PINS_OF_OTHERS }]);
    expect(await handshakeIn(socket, proxyTrust(proxy))).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED' });
    await expect.poll(() => proxy.verdicts.length).toBe(1);
    expect(proxy.verdicts[0]).toMatchObject({ verdict: 'block', code: 'pin.mismatch' });
    expect(upstream.applicationBytes()).toBe(0);
  });

  it('that changes nothing for the host is recorded with the newer generation', async () => {
    const { upstream, proxy } = await openTunnel();
    const { socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    proxy.reload([RULE]);
    const secured = await handshakeIn(socket, proxyTrust(proxy));
    if (secured instanceof Error) throw secured;
    expect(proxy.verdicts[0]).toMatchObject({ verdict: 'allow', generation: 2 });
    secured.destroy();
  });
});

function proxyTrust(proxy: { readonly caPem: string }): { readonly ca: string } {
  return { ca: proxy.caPem };
}
