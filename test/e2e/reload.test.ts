/** Reloads under traffic: tunnels live on, and a rule that turns against a host cuts its tunnels. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tunnel } from '../support/client.ts';
import { type House, patientLimits, pinnedTo, type RuleYaml, startHouse } from '../support/house.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { closed, eventually } from '../support/sockets.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';

const TUNNELS = 200;
const RELOADS = 100;
/** For a head, a dial, a handshake and a hello: all of many at once take as long as the last of them. */
const PATIENT_MS = 60_000;

let pki: TestPki;
let echo: Origin;
let house: House;
const rules: RuleYaml[] = [];

beforeAll(async () => {
  pki = testPki();
  echo = await echoOrigin(pki.inter.issueLeaf({ dns: ['echo.test'] }));
  rules.push({ name: 'echo', match: ['echo.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } });
  house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [{ host: 'echo.test', port: echo.port }],
    rules,
    limits: patientLimits(PATIENT_MS),
  });
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  await echo.close();
});

async function open(): Promise<TLSSocket> {
  const socket = await tunnel(house.port, `echo.test:${echo.port}`, { ca: readFileSync(house.caFile) });
  socket.on('error', () => undefined);
  return socket;
}

async function answers(socket: TLSSocket, message: string): Promise<boolean> {
  socket.write(message);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString() === message;
}

it(`${RELOADS} reloads during ${TUNNELS} tunnels drop none`, { timeout: 400_000 }, async () => {
  const sockets = await Promise.all(Array.from({ length: TUNNELS }, open));
  for (let round = 0; round < RELOADS; round += 1) {
    // Each reload brings one more rule, so that none of them lowers anything.
    rules.push({ name: `extra-${round}`, match: [`extra-${round}.test`] });
    await house.reload(rules);
    if (round % 10 === 0) expect(await answers(sockets[round]!, `round ${round}`)).toBe(true);
  }
  const alive = await Promise.all(sockets.map((socket, index) => answers(socket, `still ${index}`)));
  expect(alive.filter(Boolean)).toHaveLength(TUNNELS);
  for (const socket of sockets) socket.destroy();
});

it('a broken file changes nothing', async () => {
  const socket = await open();
  const before = (await house.metrics()).value('pinwarden_config_generation');
  house.writePolicy([...rules, { name: 'broken', match: ['ech o.test'] }]);
  process.kill(house.pid, 'SIGHUP');
  const successful = async () => (await house.metrics()).value('pinwarden_config_last_reload_successful');
  await eventually('the refusal', async () => (await successful()) === 0);
  expect((await house.metrics()).value('pinwarden_config_generation')).toBe(before);
  expect(await answers(socket, 'still here')).toBe(true);
  expect(await answers(await open(), 'new ones too')).toBe(true);
  socket.destroy();
  await house.reload([...rules, { name: 'mended', match: ['mended.test'] }]);
});

it('a key that is denied by a reload cuts the open tunnels that use it', async () => {
  const socket = await open();
  expect(await answers(socket, 'before')).toBe(true);
  const cut = closed(socket);
  const denied = { ...pinnedTo(pki.inter.pin), noneOf: [{ ca: pki.inter.pin }] };
  await house.reload(
    [...rules, { name: 'mended', match: ['mended.test'] }].map((rule) =>
      rule.name === 'echo' ? { ...rule, pins: denied } : rule,
    ),
  );
  await cut;
  await expect(open()).rejects.toThrow(/pin\.denied/);
  expect(socket.destroyed).toBe(true);
});
