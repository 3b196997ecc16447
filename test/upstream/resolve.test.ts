import { afterEach, describe, expect, it } from 'vitest';
import type { Authority } from '../../src/model/authority.ts';
import { createResolver, type Resolver, type ResolverOptions } from '../../src/upstream/resolve.ts';
import { parseHost } from '../../src/wire/authority.ts';
import { type DnsServer, type Script, startDnsServer } from '../support/dns-server.ts';
import { problemOf } from './support.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (closers.length > 0) await closers.pop()?.();
});

interface Setup {
  readonly resolver: Resolver;
  readonly dns: DnsServer;
}

async function setup(script: Script, options: Partial<ResolverOptions> = {}): Promise<Setup> {
  const dns = await startDnsServer(script);
  const resolver = createResolver({ hosts: new Map(), servers: [dns.server], own: [], ...options });
  closers.push(async () => {
    resolver.close();
    await dns.close();
  });
  return { resolver, dns };
}

function to(text: string, port = 443): Authority {
  const host = parseHost(text);
  if (!host.ok) throw new Error(host.why);
  return { ...host.value, port };
}

const never = () => new AbortController().signal;
const PUBLIC = '93.184.216.34';

describe('an address that was dialled before', () => {
  it.each([
    ['10.0.0.1', [], 'address.denied'],
    ['10.0.0.1', ['10.1.0.0/16'], 'address.denied'],
    ['127.0.0.1', ['127.0.0.0/8'], 'address.self'],
    ['not an address', ['0.0.0.0/0'], 'dns.failure'],
  ])('%s under %j is refused: %s', (address, allowPrivate, code) => {
    const own = [{ address: '127.0.0.1', port: 443 }];
    const resolver = createResolver({ hosts: new Map(), servers: [], own });
    expect(() => resolver.checkDialled(address, to('a.test'), allowPrivate)).toThrow(
      expect.objectContaining({ code }) as Error,
    );
    resolver.close();
  });

  it('may still be when its range is still allowed', () => {
    const resolver = createResolver({ hosts: new Map(), servers: [], own: [] });
    expect(() => resolver.checkDialled('10.0.0.1', to('a.test'), ['10.0.0.0/8'])).not.toThrow();
    resolver.close();
  });
});

describe('answers that may not be dialled', () => {
  it.each([
    '10.0.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    'fe80::1',
    'fc00::1',
    '64:ff9b::7f00:1',
  ])('%s is denied', async (address) => {
    const { resolver } = await setup({ 'evil.test': [address] });
    const problem = await problemOf(resolver.resolve(to('evil.test'), [], never()));
    expect(problem.code).toBe('address.denied');
    expect(problem.facts).toMatchObject({ address, mixed: false });
  });

  it('one private address among public ones denies the whole answer', async () => {
    const { resolver } = await setup({ 'mixed.test': [PUBLIC, '10.0.0.1'] });
    const problem = await problemOf(resolver.resolve(to('mixed.test'), [], never()));
    expect(problem.code).toBe('address.denied');
    expect(problem.facts).toMatchObject({ address: '10.0.0.1', range: 'private', mixed: true });
  });

  it('literals and hosts of the configuration pass the same guard', async () => {
    const { resolver, dns } = await setup({}, { hosts: new Map([['fixed.test', ['10.9.8.7']]]) });
    expect((await problemOf(resolver.resolve(to('10.0.0.1'), [], never()))).code).toBe('address.denied');
    expect((await problemOf(resolver.resolve(to('[::ffff:169.254.169.254]'), [], never()))).code).toBe(
      'address.denied',
    );
    expect((await problemOf(resolver.resolve(to('fixed.test'), [], never()))).code).toBe('address.denied');
    expect(await resolver.resolve(to('fixed.test'), ['10.9.0.0/16'], never())).toEqual(['10.9.8.7']);
    expect(dns.questions).toEqual([]);
  });

  it('ourselves stay denied whatever the rule allows', async () => {
    const own = [{ address: '0.0.0.0', port: 3128 }];
    const { resolver } = await setup({ 'loop.test': ['127.0.0.1'] }, { own });
    const everything = ['0.0.0.0/0', '::/0'];
    expect((await problemOf(resolver.resolve(to('loop.test', 3128), everything, never()))).code).toBe('address.self');
    expect(await resolver.resolve(to('loop.test', 443), everything, never())).toEqual(['127.0.0.1']);
  });

  it('a name that changes its answer is judged each time', async () => {
    let nowMs = 0;
    let asked = 0;
    const answers = () => (++asked <= 2 ? [PUBLIC] : ['127.0.0.1']);
    const { resolver } = await setup({ 'rebind.test': answers }, { monotonicMs: () => nowMs });
    expect(await resolver.resolve(to('rebind.test'), [], never())).toEqual([PUBLIC]);
    nowMs = 1_001;
    expect((await problemOf(resolver.resolve(to('rebind.test'), [], never()))).code).toBe('address.denied');
  });

  it('a remembered answer is judged by the rule of each connection', async () => {
    const { resolver, dns } = await setup({ 'inner.test': ['10.0.0.1'] }, { monotonicMs: () => 0 });
    expect(await resolver.resolve(to('inner.test'), ['10.0.0.0/8'], never())).toEqual(['10.0.0.1']);
    expect((await problemOf(resolver.resolve(to('inner.test'), [], never()))).code).toBe('address.denied');
    expect(dns.questions).toHaveLength(2);
  });

  it('an unreadable permission allows nothing', async () => {
    const { resolver } = await setup({ 'evil.test': ['10.0.0.1'] });
    expect((await problemOf(resolver.resolve(to('evil.test'), ['10.0.0.0/99'], never()))).code).toBe('address.denied');
  });

  it('a host of the configuration that is no address is a failure', async () => {
    const { resolver } = await setup(
      {},
      {
        hosts: new Map([
          ['fixed.test', ['127.1']],
          ['none.test', []],
        ]),
      },
    );
    expect((await problemOf(resolver.resolve(to('fixed.test'), [], never()))).code).toBe('dns.failure');
    expect((await problemOf(resolver.resolve(to('none.test'), [], never()))).code).toBe('dns.not-found');
  });
});

describe('answers that are none', () => {
  it.each([
    ['nxdomain', 'dns.not-found'],
    ['servfail', 'dns.failure'],
    ['refused', 'dns.failure'],
  ] as const)('%s is %s', async (answer, code) => {
    const { resolver } = await setup({ 'none.test': answer });
    expect((await problemOf(resolver.resolve(to('none.test'), [], never()))).code).toBe(code);
  });

  it('no records of either family is not found', async () => {
    const { resolver } = await setup({ 'empty.test': [] });
    expect((await problemOf(resolver.resolve(to('empty.test'), [], never()))).code).toBe('dns.not-found');
  });

  it('silence is a timeout', async () => {
    const { resolver } = await setup({ 'silent.test': 'silent' }, { timeoutMs: 100 });
    expect((await problemOf(resolver.resolve(to('silent.test'), [], never()))).code).toBe('dns.timeout');
  });

  it('a failure answers for a while, and then no more', async () => {
    let nowMs = 0;
    const { resolver, dns } = await setup({}, { monotonicMs: () => nowMs });
    for (let round = 0; round < 5; round++) await problemOf(resolver.resolve(to('gone.test'), [], never()));
    expect(dns.questions).toHaveLength(2);
    nowMs = 5_001;
    await problemOf(resolver.resolve(to('gone.test'), [], never()));
    expect(dns.questions).toHaveLength(4);
  });

  it('the memory is bounded', async () => {
    const { resolver, dns } = await setup({}, { monotonicMs: () => 0 });
    const names = Array.from({ length: 1_030 }, (_, index) => `n${index}.test`);
    for (const name of names) await problemOf(resolver.resolve(to(name), [], never()));
    const before = dns.questions.length;
    await problemOf(resolver.resolve(to('n1029.test'), [], never()));
    expect(dns.questions.length).toBe(before);
    await problemOf(resolver.resolve(to('n0.test'), [], never()));
    expect(dns.questions.length).toBe(before + 2);
  });

  it('an aborted wait ends at once, before and during', async () => {
    const { resolver } = await setup({ 'silent.test': 'silent' });
    expect((await problemOf(resolver.resolve(to('silent.test'), [], AbortSignal.abort()))).code).toBe('client.gone');
    const abort = new AbortController();
    const pending = problemOf(resolver.resolve(to('silent.test'), [], abort.signal));
    abort.abort();
    expect((await pending).code).toBe('client.gone');
  });
});

describe('answers', () => {
  it('holds both families', async () => {
    const { resolver } = await setup({ 'pin.test': [PUBLIC, '2606:4700::1'] });
    expect([...(await resolver.resolve(to('pin.test'), [], never()))].sort()).toEqual(['2606:4700::1', PUBLIC]);
  });

  it('one family is enough when the other is silent or broken', async () => {
    const script: Script = {
      'slow6.test': (type) => (type === 'A' ? [PUBLIC] : 'silent'),
      'broken4.test': (type) => (type === 'A' ? 'servfail' : ['2606:4700::1']),
    };
    const { resolver } = await setup(script);
    expect(await resolver.resolve(to('slow6.test'), [], never())).toEqual([PUBLIC]);
    expect(await resolver.resolve(to('broken4.test'), [], never())).toEqual(['2606:4700::1']);
  });

  it('keeps at most 16 addresses, each once', async () => {
    const many = Array.from({ length: 40 }, (_, index) => `93.184.216.${index + 1}`);
    const { resolver } = await setup({ 'many.test': many, 'twice.test': [PUBLIC, PUBLIC] });
    expect(await resolver.resolve(to('many.test'), [], never())).toHaveLength(16);
    expect(await resolver.resolve(to('twice.test'), [], never())).toEqual([PUBLIC]);
  });

  it('an answer serves for a second, and then no more; a very long one is asked for again', async () => {
    let nowMs = 0;
    const long = Array.from({ length: 65 }, (_, index) => `93.184.216.${index}`);
    const { resolver, dns } = await setup({ 'pin.test': [PUBLIC], 'long.test': long }, { monotonicMs: () => nowMs });
    for (let round = 0; round < 5; round++) await resolver.resolve(to('pin.test'), [], never());
    expect(dns.questions).toHaveLength(2);
    nowMs = 1_001;
    await resolver.resolve(to('pin.test'), [], never());
    expect(dns.questions).toHaveLength(4);
    for (let round = 0; round < 2; round++) await resolver.resolve(to('long.test'), [], never());
    expect(dns.questions.length).toBeGreaterThanOrEqual(8);
  });

  it('asks once for callers at the same time', async () => {
    const { resolver, dns } = await setup({ 'pin.test': [PUBLIC] });
    const all = await Promise.all(Array.from({ length: 10 }, () => resolver.resolve(to('pin.test'), [], never())));
    expect(all).toHaveLength(10);
    expect(dns.questions.toSorted()).toEqual(['pin.test A', 'pin.test AAAA']);
  });

  it('one that gives up does not take the answer from the others', async () => {
    const { resolver } = await setup({ 'pin.test': [PUBLIC] });
    const abort = new AbortController();
    const leaving = problemOf(resolver.resolve(to('pin.test'), [], abort.signal));
    const staying = resolver.resolve(to('pin.test'), [], never());
    abort.abort();
    expect((await leaving).code).toBe('client.gone');
    expect(await staying).toEqual([PUBLIC]);
  });

  it('the system resolver reads its hosts file, and the guard still judges', async () => {
    const resolver = createResolver({ hosts: new Map(), servers: [], own: [] });
    const all = await Promise.all(
      Array.from({ length: 8 }, () => problemOf(resolver.resolve(to('localhost'), [], never()))),
    );
    expect(all.map((problem) => problem.code)).toEqual(Array.from({ length: 8 }, () => 'address.denied'));
    const local = await resolver.resolve(to('localhost'), ['127.0.0.0/8', '::1/128'], never());
    expect(local.length).toBeGreaterThan(0);
    resolver.close();
  });
});
