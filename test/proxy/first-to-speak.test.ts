import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { asProblem, Problem } from '../../src/model/problem.ts';
import { firstToSpeak } from '../../src/proxy/first-to-speak.ts';
import { listenForHello } from '../../src/proxy/hello.ts';
import { dialLocal } from '../support/sockets.ts';
import { closeAfterEach, serve } from './stage.ts';

closeAfterEach();

const NEVER = new AbortController().signal;

async function pair(): Promise<[inner: Socket, outer: Socket]> {
  const accepted = Promise.withResolvers<Socket>();
  const port = await serve(createServer({ allowHalfOpen: true, pauseOnConnect: true }, accepted.resolve));
  const outer = dialLocal(port);
  outer.on('error', () => undefined);
  return [await accepted.promise, outer];
}

async function cast() {
  const [near, client] = await pair();
  const [far, server] = await pair();
  const done = (): void => {
    client.destroy();
    server.destroy();
  };
  return { client, server, far, first: listenForHello(near, Buffer.alloc(0)), done };
}

describe('firstToSpeak', () => {
  it('throws when the client has gone', async () => {
    const { first, far, done } = await cast();
    const gone = AbortSignal.abort(new Problem('client.gone', 'client'));
    const problem = await firstToSpeak(first, far, 9_000, gone).catch(asProblem);
    expect(problem).toMatchObject({ code: 'client.gone' });
    done();
  });

  it('is nobody when nobody speaks', async () => {
    const { first, far, done } = await cast();
    expect(await firstToSpeak(first, far, 20, NEVER)).toBeNull();
    done();
  });

  it('is the upstream when it closes', async () => {
    const { first, far, done } = await cast();
    far.destroy();
    await once(far, 'close');
    expect(await firstToSpeak(first, far, 9_000, NEVER)).toBeNull();
    done();
  });

  it('is the upstream, of whose bytes none is taken', async () => {
    const { first, far, server, done } = await cast();
    server.write('220 ready');
    expect(await firstToSpeak(first, far, 9_000, NEVER)).toBeNull();
    far.resume();
    const [banner] = (await once(far, 'data')) as [Buffer];
    expect(banner.toString()).toBe('220 ready');
    done();
  });

  it('is the client', async () => {
    const { first, far, client, done } = await cast();
    client.write('SSH-2.0-x');
    expect(await firstToSpeak(first, far, 9_000, NEVER)).toEqual({ kind: 'not-tls' });
    done();
  });
});
