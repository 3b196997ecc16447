import { afterEach, expect, it } from 'vitest';
import { TICKET_KEY_BYTES } from '../../src/minting/shelf.ts';
import { TICKET_KEY_MAX_AGE_MS, TicketKeys } from '../../src/runtime/ticket-keys.ts';
import { testClock } from '../support/clock.ts';

const made: TicketKeys[] = [];

afterEach(() => {
  for (const one of made.splice(0)) one.stop();
});

function make() {
  const clock = testClock();
  const told: Uint8Array[] = [];
  const keys = new TicketKeys(clock, (bytes) => told.push(bytes), 1);
  made.push(keys);
  return { clock, told, keys };
}

const aLook = async () => new Promise((resolve) => setTimeout(resolve, 20));

it('are random, and replaced when they are half a day old, whatever the wall clock says', async () => {
  const { clock, told, keys } = make();
  const first = keys.bytes;
  expect(first).toHaveLength(TICKET_KEY_BYTES);
  expect(make().keys.bytes).not.toEqual(first);
  clock.setWall('2031-01-01T00:00:00Z');
  clock.advance(TICKET_KEY_MAX_AGE_MS - 1);
  await aLook();
  expect(told).toEqual([]);
  clock.advance(1);
  await expect.poll(() => told.length).toBe(1);
  expect(told[0]).toHaveLength(TICKET_KEY_BYTES);
  expect(told[0]).not.toEqual(first);
  expect(keys.bytes).toBe(told[0]);
  await aLook();
  expect(told, 'they are young again').toHaveLength(1);
});

it('stay when nobody looks any more', async () => {
  const { clock, told, keys } = make();
  keys.stop();
  clock.advance(TICKET_KEY_MAX_AGE_MS);
  await aLook();
  expect(told).toEqual([]);
});
