import { BoundSocket, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { BindError, bindAddress, printListen } from '../../src/runtime/bind.ts';
import { closeServer, dialLocal, listen } from '../support/sockets.ts';

it('fails loudly where somebody listens', async () => {
  const other = createServer();
  const port = await listen(other);
  expect(() => bindAddress({ address: '127.0.0.1', port })).toThrow(BindError);
  expect(() => bindAddress({ address: '127.0.0.1', port })).toThrow(/EADDRINUSE; another process listens there/);
  await closeServer(other);
});

it('fails loudly for an address that is not ours', () => {
  expect(() => bindAddress({ address: '192.0.2.1', port: 0 })).toThrow(/EADDRNOTAVAIL/);
  expect(() => bindAddress({ address: 'localhost', port: 0 })).toThrow(BindError);
});

it('of two that have only bound, the second to listen fails', async () => {
  const first = bindAddress({ address: '127.0.0.1', port: 0 });
  const second = new BoundSocket({ host: '127.0.0.1', port: first.port });
  const [one, other] = [createServer(), createServer()];
  await new Promise<void>((resolve) => one.listen({ fd: first.fd }, resolve));
  const failure = await new Promise<NodeJS.ErrnoException>((resolve) => {
    other.once('error', resolve);
    other.listen({ handle: second });
  });
  expect(failure.code).toBe('EADDRINUSE');
  await closeServer(one);
});

it('binds without accepting; connections wait until somebody listens', async () => {
  const bound = bindAddress({ address: '127.0.0.1', port: 0 });
  expect(bound.port).toBeGreaterThan(0);
  const refused = dialLocal(bound.port);
  await new Promise<void>((resolve) => refused.once('error', () => resolve()));
  bound.close();
  bound.close();
});

it('prints addresses the way they are dialled', () => {
  expect(printListen({ address: '127.0.0.1', port: 3128 })).toBe('127.0.0.1:3128');
  expect(printListen({ address: '::1', port: 3128 })).toBe('[::1]:3128');
});
