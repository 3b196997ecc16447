import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { createTurns } from '../../src/proxy/turns.ts';

/** A step that ends when it is told to. */
function step(log: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const serve = async () => {
    log.push(`${name} begins`);
    await promise;
    log.push(`${name} ends`);
  };
  return { serve, finish: resolve };
}

const settle = () => new Promise((done) => setImmediate(done));

it('begins at once, and serves one after the other', async () => {
  const turns = createTurns();
  const socket = new Socket();
  const log: string[] = [];
  const [one, two] = [step(log, 'one'), step(log, 'two')];
  expect(turns.busy(socket)).toBe(false);
  turns.take(socket, one.serve);
  turns.take(socket, two.serve);
  two.finish();
  await settle();
  expect(log).toEqual(['one begins']);
  expect(turns.busy(socket)).toBe(true);
  one.finish();
  await settle();
  expect(log).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
  expect(turns.busy(socket)).toBe(false);
});

it('serves nothing on a connection that has ended, and others meanwhile', async () => {
  const turns = createTurns();
  const [socket, other] = [new Socket(), new Socket()];
  const log: string[] = [];
  const one = step(log, 'one');
  turns.take(socket, one.serve);
  turns.take(socket, step(log, 'two').serve);
  turns.take(other, step(log, 'other').serve);
  socket.destroy();
  one.finish();
  await settle();
  expect(log).toEqual(['one begins', 'other begins', 'one ends']);
});

it('takes no more than may wait', () => {
  const turns = createTurns(2);
  const socket = new Socket();
  const log: string[] = [];
  const taken = ['served', 'first', 'second', 'third'].map((name) => turns.take(socket, step(log, name).serve));
  expect(taken).toEqual([true, true, true, false]);
  expect(log).toEqual(['served begins']);
});
