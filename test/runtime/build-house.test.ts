import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { createRecorder } from '../../src/observe/create-recorder.ts';
import { createMetrics } from '../../src/observe/worker-metrics.ts';
import { type BuiltHouse, buildHouse } from '../../src/runtime/build-house.ts';
import { compile } from '../../src/runtime/compile.ts';
import { materialWith, newCaMaterial, startMessageWith } from '../support/runtime-material.ts';

const nothing = { recall: () => undefined, remember: () => undefined };
const memories = { signatures: nothing, certificates: nothing };
const built: BuiltHouse[] = [];

afterEach(() => {
  for (const one of built.splice(0)) one.close();
});

function build(config: object = {}) {
  const material = materialWith({ config });
  const { ticketKeys } = startMessageWith(material);
  const recorder = createRecorder({ audit: null, metrics: createMetrics(), worker: 1 });
  const first = compile(material, memories);
  const one = buildHouse({ clock: systemClock, recorder, ticketKeys, own: [], first });
  built.push(one);
  return one;
}

const subjects = ({ house }: BuiltHouse) => house.authorities().map(({ subject }) => subject.text);

it('hands out the CA that signs and the one that waits, and replaces both with the generation', () => {
  const one = build();
  expect(subjects(one)).toEqual(['CN=Test CA']);
  const next = { ...newCaMaterial('Next CA'), signsFromMs: null };
  one.apply(compile({ ...materialWith({ number: 2 }), ca: { current: newCaMaterial('New CA'), next } }, memories));
  expect(subjects(one)).toEqual(['CN=New CA', 'CN=Next CA']);
});

it('replaces generation, trust and resolver as a whole', () => {
  const one = build();
  const { house } = one;
  const before = { trust: house.trust(), resolver: house.resolver };
  one.apply(compile(materialWith({ number: 2 }), memories));
  expect(house.generation().number).toBe(2);
  expect(house.trust()).not.toBe(before.trust);
  expect(house.resolver).not.toBe(before.resolver);
});

it('takes its limits from the configuration', () => {
  const { house } = build({ limits: { connections: 11, connectionsPerClient: 5 } });
  expect(house.limits).toMatchObject({ connections: 11, connectionsPerClient: 5 });
});

it('names events unguessably, and says when it drains', () => {
  const one = build();
  const { house } = one;
  expect(house.eventId()).toMatch(/^[A-Za-z0-9-]{20,64}$/);
  expect(house.eventId()).not.toBe(house.eventId());
  expect(house.draining()).toBe(false);
  one.startDraining();
  expect(house.draining()).toBe(true);
});
