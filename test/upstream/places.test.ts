import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createPlaces } from '../../src/upstream/places.ts';

/** Lets every promise that can go on do so. */
const settle = async () => await new Promise<void>((resolve) => setImmediate(resolve));

it('one asker never takes the places of the others', async () => {
  const places = createPlaces(3, 2);
  const entered: string[] = [];
  const ask = (asker: string) => void places.enter(asker).then(() => entered.push(asker));
  for (let index = 0; index < 10; index++) ask('flood');
  ask('honest');
  await settle();
  expect(entered.toSorted()).toEqual(['flood', 'flood', 'honest']);
});

it('a place that is left goes to the first in line whose share allows it', async () => {
  const places = createPlaces(2, 1);
  const entered: string[] = [];
  const leaveA = await places.enter('a');
  const leaveB = await places.enter('b');
  for (const asker of ['b', 'a', 'c']) void places.enter(asker).then(() => entered.push(asker));
  leaveA();
  await settle();
  expect(entered).toEqual(['a']);
  leaveB();
  await settle();
  expect(entered).toEqual(['a', 'b']);
});

it('everybody gets a place in the end, and the bounds hold all the time', async () => {
  const askers = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(askers, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), async (list, all, own) => {
      const places = createPlaces(all, own);
      const inside: string[] = [];
      await Promise.all(
        list.map(async (asker) => {
          const leave = await places.enter(asker);
          inside.push(asker);
          expect(inside.length).toBeLessThanOrEqual(all);
          expect(inside.filter((one) => one === asker).length).toBeLessThanOrEqual(own);
          await settle();
          inside.splice(inside.indexOf(asker), 1);
          leave();
        }),
      );
      expect(inside).toEqual([]);
    }),
    { numRuns: 50 },
  );
});
