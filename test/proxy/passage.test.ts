import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Passage } from '../../src/proxy/passage.ts';
import { dialLocal } from '../support/sockets.ts';
import { closeAfterEach, closeLater, HOST, proxyFor, serve } from './stage.ts';

closeAfterEach();

class Leaving extends Passage {
  goNow(): void {
    this.leave();
  }
}

async function begin() {
  const proxy = await proxyFor({ port: 1 });
  return { proxy, passage: new Leaving(proxy.house, { remoteAddress: '::ffff:10.0.0.9', remotePort: 7 }, []) };
}

describe('a passage', () => {
  it('records one verdict, the first', async () => {
    const { proxy, passage } = await begin();
    passage.record('block', 'host.denied');
    passage.record('allow', null);
    expect(proxy.verdicts).toMatchObject([
      { verdict: 'block', code: 'host.denied', mode: null, client: { address: '10.0.0.9', port: 7 } },
    ]);
  });

  it('has the mode of its rule as a tunnel, and none of them as a request', async () => {
    const { proxy, passage } = await begin();
    passage.rule = proxy.house.generation().policy.rules[0] ?? null;
    expect(passage.mode).toBe('terminate');
    passage.kind = 'request';
    expect(passage.mode).toBe('plaintext');
    passage.recordClose({ bytesUp: 1, bytesDown: 2, reason: 'client', code: null });
    expect(proxy.closes).toMatchObject([{ mode: 'plaintext', rule: { name: 'bank' }, bytesUp: 1, bytesDown: 2 }]);
  });

  it('says once that the client has gone', async () => {
    const { passage } = await begin();
    passage.goNow();
    passage.goNow();
    expect(passage.gone.reason).toMatchObject({ code: 'client.gone' });
  });

  it('closes what it holds, and forgets what it dropped', async () => {
    const { proxy, passage } = await begin();
    const port = await serve(createServer());
    const sockets: Socket[] = [dialLocal(port), dialLocal(port)];
    for (const socket of sockets) closeLater(async () => void socket.destroy());
    passage.hold(sockets[0]!);
    passage.authority = { host: HOST, kind: 'name', port: 1 };
    passage.hold(sockets[1]!);
    expect(sockets.map((socket) => socket.destroyed)).toEqual([true, false]);
    expect(passage.evidence).toBeNull();
    passage.opening = proxy.house.gate.enterOpening('10.0.0.9');
    passage.close();
    passage.close();
    expect(sockets[1]?.destroyed).toBe(true);
    expect(proxy.house.gate.openings).toBe(0);
    await expect.poll(() => proxy.openConnections()).toBe(0);
  });
});
