import { describe, expect, it } from 'vitest';
import { rawEvidence } from '../../src/proxy/lanes/bypass.ts';
import { Passage } from '../../src/proxy/passage.ts';
import { admit, checkGeneration, dialRaw, judgeLine, resolve, runLane } from '../../src/proxy/steps.ts';
import { answers, rawOrigin } from '../support/raw-origin.ts';
import { closeAfterEach, closeLater, HOST, proxyFor } from './stage.ts';

closeAfterEach();

async function begin(rule = {}) {
  const upstream = await rawOrigin(answers(''));
  closeLater(() => upstream.close());
  const proxy = await proxyFor({ port: upstream.port, rule });
  const passage = new Passage(proxy.house, { remoteAddress: '127.0.0.1', remotePort: 1 }, []);
  closeLater(async () => passage.close());
  return { upstream, proxy, passage, authority: { host: HOST, kind: 'name', port: upstream.port } as const };
}

describe('admission', () => {
  it.each(['limit.connections', 'limit.client'] as const)('refuses a connection above %s', async (full) => {
    const { passage, authority } = await begin();
    expect(() => admit(passage, authority, full)).toThrow(full);
    expect(passage.authority).toBe(authority);
    expect(passage.opening).toBeNull();
  });

  it('refuses while draining, and a port that is not allowed', async () => {
    const { proxy, passage, authority } = await begin();
    expect(() => admit(passage, { ...authority, port: 22 }, null)).toThrow('port.denied');
    expect(passage.rule?.name).toBe('bank');
    proxy.built.startDraining();
    expect(() => admit(passage, authority, null)).toThrow('proxy.draining');
  });

  it('finds the rule and counts an opening', async () => {
    const { proxy, passage, authority } = await begin();
    expect(admit(passage, authority, null).rule.name).toBe('bank');
    expect(proxy.house.gate.openings).toBe(1);
  });
});

describe('resolve and dial', () => {
  it('ask once, and dial what was permitted', async () => {
    const { upstream, passage, authority } = await begin();
    const asked = admit(passage, authority, null);
    const addresses = await resolve(passage, asked);
    expect(addresses).toEqual(['127.0.0.1']);
    expect(await resolve(passage, asked)).toBe(addresses);
    const { socket, address } = await dialRaw(passage, asked);
    expect(address).toBe('127.0.0.1');
    await expect.poll(() => upstream.connections()).toBe(1);
    socket.destroy();
  });

  it('refuse an address inside', async () => {
    const { passage, authority } = await begin({ allowPrivate: [] });
    await expect(resolve(passage, admit(passage, authority, null))).rejects.toThrow('address.denied');
  });
});

describe('a line', () => {
  async function line(rule = {}) {
    const begun = await begin(rule);
    const asked = admit(begun.passage, begun.authority, null);
    const { socket, address } = await dialRaw(begun.passage, asked);
    const raw = rawEvidence(asked.authority, address, begun.proxy.house.clock, 1);
    return { ...begun, asked, socket, raw };
  }

  it('without TLS is refused unless it is said to be plain HTTP', async () => {
    const { passage, asked, socket, raw } = await line();
    expect(() => judgeLine(passage, asked, { socket, evidence: raw })).toThrow('chain.empty');
  });

  it('of plain HTTP is refused by a rule that demands TLS, whoever asks', async () => {
    const { passage, asked, socket, raw } = await line({ plaintext: 'block', onFailure: 'alert' });
    const evidence = { ...raw, protocol: 'http' as const };
    expect(() => judgeLine(passage, asked, { socket, evidence })).toThrow('plaintext.denied');
    passage.close();
    expect(socket.destroyed).toBe(true);
  });

  it('of plain HTTP is permitted otherwise, until a reload says no', async () => {
    const { proxy, passage, asked, socket, raw } = await line();
    const evidence = { ...raw, protocol: 'http' as const };
    expect(judgeLine(passage, asked, { socket, evidence }).verdict).toBe('allow');
    checkGeneration(passage, asked, evidence);
    proxy.reload([{ name: 'bank', match: [HOST], plaintext: 'allow' }]);
    checkGeneration(passage, asked, evidence);
    expect(passage.generation).toBe(proxy.house.generation());
    proxy.reload([{ name: 'bank', match: [HOST], plaintext: 'block' }]);
    expect(() => checkGeneration(passage, asked, evidence)).toThrow('plaintext.denied');
  });

  it('that runs is listed, and closed with one entry although its lane throws', async () => {
    const { proxy, passage, socket, raw } = await line();
    passage.hold(socket);
    const failing = runLane(passage, raw, async () => {
      expect(proxy.house.tunnels.size).toBe(1);
      throw new TypeError('a bug');
    });
    await expect(failing).rejects.toThrow('a bug');
    expect(proxy.house.tunnels.size).toBe(0);
    expect(proxy.closes).toMatchObject([{ reason: 'error', code: 'internal.failure' }]);
  });
});
