/**
 * What docker/README.md, Sizing, is reckoned from: `node test/bench/sizing.ts [tunnels]`.
 *
 * The real proxy with one worker and with two; tunnels that are opened through it, TLS inside, and stay idle. Memory is
 * the proportional set (what processes share is counted once), so that lines add up; a part of what a tunnel seems to
 * cost are buffers that the next ones use again. CPU is of all processes of the proxy, for tunnels that are opened,
 * judged, shaken hands with on both sides, and closed; the machine should have nothing else to do.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { tunnel } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { echoOrigin } from '../support/origins.ts';
import { processCost } from '../support/process-cost.ts';
import { testPki } from '../support/test-pki.ts';

const AT_ONCE = 10;
const SETTLE_MS = 5000;
/** Compiled code and caches are there after so many. */
const WARM_UP = 500;
const tunnels = Number(process.argv[2] ?? 2000);

const pki = testPki();
const origin = await echoOrigin(pki.inter.issueLeaf({ dns: ['sized.test'] }));

function mebibytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1]) / 1024;
}

const cpuMs = (house: House): number => house.pids().reduce((sum, pid) => sum + (processCost(pid)?.cpuMs ?? 0), 0);
const print = (label: string, value: string): boolean => process.stdout.write(`${label.padEnd(44)} ${value}\n`);

async function open(house: House, ca: Buffer, count: number): Promise<readonly TLSSocket[]> {
  const all: TLSSocket[] = [];
  while (all.length < count) {
    const some = Array.from({ length: AT_ONCE }, async () => {
      const socket = await tunnel(house.port, `sized.test:${origin.port}`, { ca });
      return socket.on('error', () => undefined).resume();
    });
    all.push(...(await Promise.all(some)));
  }
  return all;
}

async function openAndClose(house: House, ca: Buffer, count: number): Promise<void> {
  for (let done = 0; done < count; done += AT_ONCE) {
    for (const socket of await open(house, ca, AT_ONCE)) socket.destroy();
  }
}

async function measure(workers: number): Promise<void> {
  const house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [{ host: 'sized.test', port: origin.port }],
    rules: [{ name: 'sized', match: ['sized.test'], onFailure: 'block', pins: pinnedTo(pki.inter.pin) }],
    workers,
  });
  try {
    const ca = readFileSync(house.caFile);
    await openAndClose(house, ca, WARM_UP);
    await pause(SETTLE_MS);
    const [supervisor = 0, ...others] = house.pids().map(mebibytes);
    print(`${workers} workers: supervisor, idle`, `${supervisor.toFixed(0)} MiB`);
    print(`${workers} workers: each worker, idle`, `${others.map((one) => one.toFixed(0)).join(', ')} MiB`);
    const beforeMs = cpuMs(house);
    await openAndClose(house, ca, tunnels);
    print(`${workers} workers: CPU of a tunnel`, `${((cpuMs(house) - beforeMs) / tunnels).toFixed(2)} ms`);
    await pause(SETTLE_MS);
    const before = house.pids().reduce((sum, pid) => sum + mebibytes(pid), 0);
    const idle = await open(house, ca, tunnels);
    await pause(SETTLE_MS);
    const after = house.pids().reduce((sum, pid) => sum + mebibytes(pid), 0);
    print(`${workers} workers: an idle tunnel`, `${(((after - before) * 1024) / tunnels).toFixed(0)} KiB`);
    for (const socket of idle) socket.destroy();
  } finally {
    await house.stop();
  }
}

for (const workers of [1, 2]) await measure(workers);
await origin.close();
