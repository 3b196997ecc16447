/**
 * 50,000 plain requests through one worker, keep-alive and close mixed: every one answered, no socket left, flat
 * memory. Prints requests per second of processor time.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type House, startHouse } from '../support/house.ts';
import { socketsOf } from '../support/leaks.ts';
import { type Origin, plainOrigin } from '../support/origins.ts';
import { runPlainLoad } from '../support/plain-load.ts';
import { processCost } from '../support/process-cost.ts';
import { eventually } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';

const ROUNDS = 10;
const REQUESTS_A_ROUND = 5_000;
/** Growth that is no leak: the heap's young generation and allocator slack. A leak of 2 kB a request would be 70 MB. */
const GROWTH_MAX_BYTES = 30 * 1024 * 1024;

let house: House;
let origin: Origin;

beforeAll(async () => {
  origin = await plainOrigin();
  house = await startHouse({
    anchors: testPki().root.pem,
    upstreams: [{ host: 'plain.test', port: origin.port }],
    rules: [{ name: 'plain', match: ['plain.test'], checks: { ct: 'off' } }],
  });
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  await origin.close();
});

it(`${ROUNDS * REQUESTS_A_ROUND} requests leave no socket and no memory`, async () => {
  const worker = house.pids()[1] ?? 0;
  const sockets = socketsOf(worker);
  const memory: number[] = [];
  const started = processCost(worker)?.cpuMs ?? 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const good = await runPlainLoad({
      port: house.port,
      authority: `plain.test:${origin.port}`,
      requests: REQUESTS_A_ROUND,
      clients: 16,
      // Every other connection carries one request, the rest twenty.
      perConnection: (connection) => (connection % 2 === 0 ? 1 : 20),
    });
    expect(good).toBe(REQUESTS_A_ROUND);
    memory.push(processCost(worker)?.memoryBytes ?? 0);
  }
  const cpuMs = (processCost(worker)?.cpuMs ?? 0) - started;
  await eventually('no socket is left', () => (socketsOf(worker) ?? 0) <= (sockets ?? 0));
  await eventually('upstream sockets are closed', () => origin.open() === 0);
  // The first rounds fill caches and let the compiler work.
  const growth = Math.max(...memory.slice(-2)) - (memory[3] ?? 0);
  const rate = Math.round((ROUNDS * REQUESTS_A_ROUND * 1000) / cpuMs);
  console.log(
    `${rate} requests per CPU-second; memory MiB by round: ${memory.map((one) => Math.round(one / 2 ** 20)).join(' ')}`,
  );
  expect(growth).toBeLessThan(GROWTH_MAX_BYTES);
  const verdicts = (await house.metrics()).value('pinwarden_verdicts_total', { policy: 'plain', verdict: 'allow' });
  expect(verdicts).toBe(ROUNDS * REQUESTS_A_ROUND);
  expect(house.output()).not.toMatch(/Warning/);
});
