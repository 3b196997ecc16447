/**
 * `doctor [-c FILE] [--json]`: is this installation fit?
 *
 * Looks at runtime, files, CA, clock, disks and trust stores, asks a running proxy how it is, and lets a built-in rogue
 * endpoint try to get through the real listener and the real straight line (runtime/self-test.ts) with the trust of
 * this installation.
 */
import { systemClock } from '../host/clock.ts';
import { clip } from '../model/text.ts';
import { selfTest } from '../runtime/self-test.ts';
import {
  caItems,
  clockItems,
  diskItems,
  fail,
  fileItems,
  type Item,
  ok,
  runtimeItems,
  storeItems,
  transparencyItems,
} from './doctor-items.ts';
import { runningItems } from './doctor-running.ts';
import type { Io } from './io.ts';
import { typedFor } from './next-command.ts';
import { DEFAULT_CONFIG, type Files, loadFiles } from './policy-files.ts';
import { readTrust } from './read-trust.ts';
import { createScreen, plural } from './screen.ts';
import { CommandError, EXIT_NO, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIG },
  json: { type: 'boolean', default: false },
} as const;

/** @returns 0 fit, perhaps with warnings; 1 something failed; 2 usage. */
export async function runDoctor(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('doctor', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    if (positionals.length > 0) throw new UsageError('takes no names');
    const items = await examineAll(loadFiles(values.config, io), io, typedFor(values.config, io)('check'));
    const failed = items.filter((item) => item.is === 'fail').length;
    io.out(values.json ? `${JSON.stringify({ ok: failed === 0, items })}\n` : screenText(items, io));
    return failed === 0 ? EXIT_OK : EXIT_NO;
  });
}

async function examineAll(files: Files, io: Io, check: string): Promise<readonly Item[]> {
  const nowMs = systemClock.nowMs();
  const first = [
    ...runtimeItems(process.versions.node, io.env),
    ...clockItems(nowMs),
    ...fileItems(files, nowMs, io, check),
  ];
  const { config } = files;
  if (config === null) return first;
  const here = [...caItems(config, nowMs, io), ...diskItems(config)];
  const trusting = await trustItems(files, nowMs);
  return [...first, ...here, ...trusting, ...(await runningItems(config, io)), ...storeItems(config, io)];
}

/** What needs the trust snapshot: the log list, and the rogue endpoint. */
async function trustItems({ config, policy }: Files, nowMs: number): Promise<readonly Item[]> {
  if (config === null) return [];
  try {
    const trust = readTrust(config, policy);
    const result = await selfTest({ clock: systemClock, trust });
    const tested = result.ok
      ? ok('self-test', `a rogue endpoint was blocked (${result.code}) in ${Math.round(result.tookMs)} ms`)
      : fail('self-test', result.why, 'do not use this installation; report it');
    return [...transparencyItems(config, trust, nowMs), tested];
  } catch (thrown) {
    if (!(thrown instanceof CommandError)) throw thrown;
    return [fail('trust', thrown.message, thrown.next)];
  }
}

const TONES = { ok: 'good', warn: 'warn', fail: 'bad' } as const;
const NAME_WIDTH = 12;
const INDENT = ' '.repeat(5 + NAME_WIDTH);

function screenText(items: readonly Item[], io: Io): string {
  const screen = createScreen(io);
  const lines = items.flatMap(({ name, is, says, next }) => [
    ...screen
      .wrap(`${is.padEnd(4)} ${name.padEnd(NAME_WIDTH)}`, clip(says, 400))
      .map((line, at) => (at === 0 ? line.replace(is, () => screen.paint(TONES[is], is)) : line)),
    ...(next === null ? [] : screen.wrap(`${INDENT}next: `, next)),
  ]);
  const failed = items.filter(({ is }) => is === 'fail').length;
  const warned = items.filter(({ is }) => is === 'warn').length;
  const word = failed > 0 ? screen.paint('bad', 'not fit') : screen.paint('good', 'fit');
  return `${lines.join('\n')}\n\n${word}: ${plural(failed, 'failure')}, ${plural(warned, 'warning')}\n`;
}
