/**
 * Entry point of a worker process: its messages, its signals, its end.
 *
 * Whatever is thrown and not caught ends the process, because nobody knows what state it left behind; the supervisor
 * starts another one, and the kernel queues connections meanwhile. Without a supervisor a worker does not live on: it
 * would hold the sockets against the next one.
 */
import type { Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../host/clock.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { WorkerService } from './worker-service.ts';

/** EX_SOFTWARE of sysexits: our own mistake. */
const EXIT_SOFTWARE = 70;

function send(message: FromWorker, sent: () => void = () => undefined): void {
  process.send?.(message, undefined, undefined, sent);
}

async function listen(server: Server, listenFd: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd: listenFd }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

let service: WorkerService | null = null;

async function receive(message: ToWorker): Promise<void> {
  if (message.kind === 'start') {
    service = await WorkerService.start(message, { clock: systemClock, send, pause: async (ms) => pause(ms), listen });
    return;
  }
  await service?.receive(message);
  // A second signal's message may end after the first one has hung up.
  if (message.kind === 'drain' && process.connected) process.disconnect?.();
}

function fail(thrown: unknown): void {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const leave = (): void => process.exit(EXIT_SOFTWARE);
  const failed: FromWorker = { kind: 'failed', message };
  if (process.send === undefined) leave();
  else process.send(failed, leave);
}

function crash(thrown: unknown): void {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.stderr.write(`uncaught: ${text.replaceAll(/\s*\n\s*/g, ' | ').slice(0, 2000)}\n`);
  process.exit(EXIT_SOFTWARE);
}

process.on('uncaughtException', crash);
process.on('unhandledRejection', crash);
// The terminal and service managers signal the whole group; the supervisor decides what happens. The default action of
// SIGUSR2 would end the tunnels; SIGUSR1 is off by --disable-sigusr1.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  const received = message as ToWorker;
  receive(received).catch(received.kind === 'start' ? fail : crash);
});
