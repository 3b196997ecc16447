import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { Visit } from '../../src/proxy/visit.ts';
import { dialLocal } from '../support/sockets.ts';
import type { TestProxy } from './in-process.ts';
import { closeAfterEach, origin, proxyFor, serve } from './stage.ts';

closeAfterEach();

async function cast(): Promise<{ visit: Visit; proxy: TestProxy; client: Socket; socket: Socket }> {
  const accepted = Promise.withResolvers<Socket>();
  const port = await serve(createServer({ allowHalfOpen: true }, accepted.resolve));
  const client = dialLocal(port);
  client.on('error', () => undefined);
  const socket = await accepted.promise;
  const proxy = await proxyFor({ port: (await origin()).port });
  return { visit: new Visit(proxy.house, socket, Buffer.alloc(0), []), proxy, client, socket };
}

describe('a visit', () => {
  it.each(['end', 'resetAndDestroy'] as const)('knows that the client has gone (%s)', async (how) => {
    const { visit, client } = await cast();
    const gone = once(visit.gone, 'abort');
    client[how]();
    await gone;
    expect(visit.gone.reason).toMatchObject({ code: 'client.gone' });
    visit.close();
  });

  it('takes an end for half-close once a lane has the socket', async () => {
    const { visit, client, socket } = await cast();
    visit.handOver();
    client.end();
    socket.resume();
    await once(socket, 'end');
    expect(visit.gone.aborted).toBe(false);
    visit.close();
    client.destroy();
  });

  it('records one verdict, also when the record failed', async () => {
    const { visit, proxy, client } = await cast();
    proxy.recorderFails = new Problem('audit.full', 'self');
    expect(() => visit.record('allow', null)).toThrow('audit.full');
    proxy.recorderFails = null;
    visit.record('error', 'internal.failure');
    expect(proxy.verdicts).toEqual([]);
    visit.close();
    client.destroy();
  });

  it('holds one upstream connection, and none when it has ended', async () => {
    const { visit, client } = await cast();
    const port = await serve(createServer(() => undefined));
    const [one, two] = [dialLocal(port), dialLocal(port)];
    await Promise.all([once(one, 'connect'), once(two, 'connect')]);
    visit.hold(one);
    visit.hold(two);
    expect(one.destroyed).toBe(true);
    expect(two.destroyed).toBe(false);
    visit.close();
    visit.close();
    expect(two.destroyed).toBe(true);
    client.destroy();
  });

  it('counts a connection that had closed before it was held', async () => {
    const { visit, proxy, client } = await cast();
    const dead = dialLocal(await serve(createServer()));
    dead.destroy();
    await once(dead, 'close');
    visit.hold(dead);
    expect(proxy.openConnections()).toBe(0);
    visit.close();
    client.destroy();
  });
});
