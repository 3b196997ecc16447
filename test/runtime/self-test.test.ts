import { expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { compile } from '../../src/runtime/compile.ts';
import { selfTest } from '../../src/runtime/self-test.ts';
import { testClock } from '../support/clock.ts';
import { openSockets } from '../support/leaks.ts';
import { materialWith } from '../support/runtime-material.ts';
import { eventually } from '../support/sockets.ts';

const nothing = { recall: () => undefined, remember: () => undefined };
const { trust } = compile(materialWith({}), { signatures: nothing, certificates: nothing });

it('blocks the rogue endpoint by its chain, and leaves nothing open', async () => {
  const before = openSockets();
  const tested = await selfTest({ clock: systemClock, trust });
  expect(tested).toMatchObject({ ok: true, code: expect.stringMatching(/^chain\./) });
  await eventually('all is closed', () => openSockets() <= before);
});

it('never throws: a clock that is far off is an answer too', async () => {
  const tested = await selfTest({ clock: testClock('1980-01-01T00:00:00Z'), trust });
  expect(typeof tested.ok).toBe('boolean');
});
