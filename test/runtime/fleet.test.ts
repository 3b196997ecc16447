import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { makeTemporaryDirectory, remove } from '../../src/host/files.ts';
import { bindAddress } from '../../src/runtime/bind.ts';
import { Fleet } from '../../src/runtime/fleet.ts';
import type { GenerationMaterial } from '../../src/runtime/messages.ts';
import { connectTo } from '../support/client.ts';
import { materialWith, startMessageWith } from '../support/runtime-material.ts';

const undo: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const one of undo.splice(0).toReversed()) await one();
});

function make(config: object = {}) {
  const dir = makeTemporaryDirectory('fleet-');
  undo.push(() => remove(dir));
  const bound = bindAddress({ address: '127.0.0.1', port: 0 });
  undo.push(() => bound.close());
  const lines: string[] = [];
  let material: GenerationMaterial = materialWith({ dir, config });
  const { ticketKeys } = startMessageWith(material);
  const fleet = new Fleet({
    workers: 2,
    clock: systemClock,
    bound: [bound],
    own: [],
    ticketKeys,
    workerEnv: {},
    material: () => material,
    log: (line) => lines.push(line),
    restarted: () => undefined,
  });
  undo.push(async () => void (await fleet.drain(100)));
  const next = (number: number, more: object) => {
    material = materialWith({ dir, number, config: more });
  };
  return { fleet, bound, lines, next };
}

it('does not start when a worker cannot serve, and says why', async () => {
  const { fleet } = make({ nonsense: true });
  await expect(fleet.start()).rejects.toThrow(/nonsense/);
  expect(fleet.serving).toBe(0);
});

it('serves on inherited sockets, publishes to every worker, merges what they count', async () => {
  const { fleet, bound, next } = make();
  await fleet.start();
  expect(fleet.size).toBe(2);
  expect(fleet.serving).toBe(2);
  for (let index = 0; index < 10; index += 1) {
    const { reply, socket } = await connectTo(bound.port, 'a.example:25');
    expect(reply.status).toBe(403);
    socket.destroy();
  }
  next(2, { egress: { ports: [1] } });
  await fleet.publish(10_000);
  fleet.forgetPolicies(new Set(['unmatched', '_none']));
  fleet.reopenAudit();
  const { samples } = await fleet.snapshots();
  const verdicts = samples.flat().filter(({ name }) => name === 'pinwarden_verdicts_total');
  expect(verdicts.flatMap(({ values }) => values).reduce((sum, { value }) => sum + value, 0)).toBe(10);
  expect(fleet.tunnels).toBe(0);
  expect(await fleet.drain(1000)).toEqual({ finished: 0, cut: 0 });
});
