/**
 * Nothing stays open: sockets, servers, timers of this process, or file descriptors of another one.
 *
 * `process.getActiveResourcesInfo()` names what keeps the event loop alive; `/proc/PID/fd` is the truth for a child
 * (on machines without /proc only the first half is checked).
 */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { eventually } from './sockets.ts';

const SOCKETS = ['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'PipeWrap', 'PipeServerWrap'];

/** How many sockets and servers of this process are open. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => SOCKETS.includes(name)).length;
}

/** How many sockets a process holds by its descriptors; null where /proc does not say. */
export function socketsOf(pid: number): number | null {
  const folder = `/proc/${pid}/fd`;
  if (!existsSync(folder)) return null;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

/** Remembers what is open now; the answer waits until no more than that is. */
export function socketBaseline(pids: readonly number[] = []): (withinMs?: number) => Promise<void> {
  const before = openSockets();
  const children = pids.map((pid) => ({ pid, before: socketsOf(pid) }));
  return async (withinMs = 30_000) => {
    await eventually(`sockets back to ${before}`, () => openSockets() <= before, withinMs).catch((cause) => {
      throw new Error(`${openSockets()} sockets are open, ${before} were`, { cause });
    });
    for (const child of children) {
      const { pid, before: allowed } = child;
      if (allowed === null) continue;
      await eventually(`sockets of ${pid} back`, () => (socketsOf(pid) ?? 0) <= allowed, withinMs).catch((cause) => {
        throw new Error(`process ${pid} holds ${socketsOf(pid)} sockets, ${allowed} before`, { cause });
      });
    }
  };
}
