import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppendFile, openAppend } from '../../src/host/files.ts';
import { Problem } from '../../src/model/problem.ts';
import { CHAIN_START, openAudit, verifyChain } from '../../src/observe/audit.ts';
import { AT_MS } from '../support/entries.ts';

let dir: string;
let file: string;
let counts: Record<string, number>;
let complaints: string[];
let nowMs: number;
let turns: number;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'audit-'));
  file = join(dir, 'audit.ndjson');
  counts = {};
  complaints = [];
  nowMs = AT_MS;
  turns = 0;
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function open(onFull: 'block' | 'count' = 'block', on: AppendFile = openAppend(file)) {
  const counted = (kind: string, written: boolean, count: number) => {
    const key = `${kind} ${written ? 'written' : 'lost'}`;
    counts[key] = (counts[key] ?? 0) + count;
  };
  const complain = (message: string) => complaints.push(message);
  const turned = () => {
    turns += 1;
  };
  return openAudit({ file: on, onFull, counted, complain, turned, now: () => nowMs });
}

const read = () => readFileSync(file, 'utf8');
/** Every line parses and ends. */
const expectWholeLines = () => {
  expect(read()).toMatch(/(^|\n)$/);
  for (const line of read().split('\n').slice(0, -1)) expect(() => JSON.parse(line), line).not.toThrow();
};
const actions = () =>
  read()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => (JSON.parse(line) as Record<string, unknown>)['event.action']);

/** A disk with room for so many bytes. */
function smallDisk(room: { bytes: number }): AppendFile {
  const real = openAppend(file);
  return {
    ...real,
    append(bytes) {
      const fits = bytes.subarray(0, room.bytes);
      if (fits.length === 0) throw new Error('ENOSPC');
      room.bytes -= fits.length;
      return real.append(fits);
    },
    takeBack(count) {
      real.takeBack(count);
      room.bytes += count;
    },
  };
}

it('goes on behind a line that lacks only its end, cut by a crash', () => {
  const first = open();
  first.verdict({ 'event.id': 'a' });
  first.end();
  writeFileSync(file, readFileSync(file).subarray(0, -1));
  const second = open();
  second.verdict({ 'event.id': 'b' });
  second.end();
  expect(verifyChain(read())).toMatchObject({ ok: true, gaps: 1 });
  expect(read().match(/"event.id":"."/g)).toHaveLength(2);
});

describe('a full disk', () => {
  it('refuses the tunnel with onFull: block, and leaves a gap line when there is room again', () => {
    const room = { bytes: 0 };
    const audit = open('block', smallDisk(room));
    expect(() => audit.verdict({ 'event.action': 'verdict', n: 1 })).toThrow(Problem);
    expect(counts).toEqual({ 'verdict lost': 1 });
    room.bytes = 10_000;
    audit.verdict({ 'event.action': 'verdict', n: 2 });
    expect(actions()).toEqual(['gap', 'verdict']);
    expect(JSON.parse(read().split('\n')[0]!)).toMatchObject({ 'pinwarden.lost': 1 });
    expect(verifyChain(read())).toMatchObject({ ok: true, gaps: 1 });
  });

  it('lets it pass and counts with onFull: count', () => {
    const audit = open('count', smallDisk({ bytes: 0 }));
    audit.verdict({ 'event.action': 'verdict' });
    audit.close({ 'event.action': 'close' });
    audit.flush();
    expect(counts).toEqual({ 'verdict lost': 1, 'close lost': 1 });
  });

  it('is told to the operator once, with the reason and what to do, and when it is over', () => {
    const room = { bytes: 0 };
    const audit = open('block', smallDisk(room));
    const lose = () => expect(() => audit.verdict({ 'event.action': 'verdict' })).toThrow(Problem);
    lose();
    lose();
    expect(complaints).toEqual([
      'audit lines are lost (ENOSPC): connections are refused; make room, or move the files away and send SIGHUP',
    ]);
    room.bytes = 10_000;
    audit.verdict({ 'event.action': 'verdict' });
    audit.verdict({ 'event.action': 'verdict' });
    expect(complaints.slice(1)).toEqual(['audit lines are written again; a gap line says how many are missing']);
    // At the edge it fails and works in turns.
    room.bytes = 0;
    lose();
    room.bytes = 10_000;
    audit.verdict({ 'event.action': 'verdict' });
    expect(complaints).toHaveLength(2);
    nowMs += 60_000;
    room.bytes = 0;
    lose();
    expect(complaints).toHaveLength(3);
    room.bytes = 10_000;
    audit.verdict({ 'event.action': 'verdict' });
    nowMs -= 86_400_000;
    room.bytes = 0;
    lose();
    expect(complaints, 'the clock was set back').toHaveLength(5);
  });

  it.each([1, 40, 200, 300, 420])('in the middle of a line (%i bytes left) keeps the chain whole', (bytes) => {
    const room = { bytes };
    const audit = open('count', smallDisk(room));
    audit.close({ 'event.action': 'close', n: 1 });
    audit.close({ 'event.action': 'close', n: 2 });
    audit.verdict({ 'event.action': 'verdict', n: 3 });
    expectWholeLines();
    room.bytes = 10_000;
    audit.verdict({ 'event.action': 'verdict', n: 4 });
    expect(verifyChain(read())).toMatchObject({ ok: true });
    expectWholeLines();
    const written = (counts['close written'] ?? 0) + (counts['verdict written'] ?? 0);
    expect(written + (counts['close lost'] ?? 0) + (counts['verdict lost'] ?? 0)).toBe(4);
    expect(actions().at(-1)).toBe('verdict');
  });
});

describe('a disk that is known to be full', () => {
  it('blocks before anything begins, and is over when the next line finds room, or a flush of an idle proxy', () => {
    const room = { bytes: 0 };
    const audit = open('block', smallDisk(room));
    const lose = () => expect(() => audit.verdict({ 'event.action': 'verdict' })).toThrow(Problem);
    expect(audit.blocked).toBe(false);
    lose();
    expect(audit.blocked).toBe(true);
    audit.flush();
    expect([audit.blocked, turns]).toEqual([true, 1]);
    room.bytes = 20_000;
    audit.verdict({ 'event.action': 'verdict' });
    expect([audit.blocked, turns]).toEqual([false, 2]);
    room.bytes = 0;
    lose();
    expect(audit.blocked).toBe(true);
    room.bytes = 20_000;
    audit.flush();
    expect([audit.blocked, turns]).toEqual([false, 4]);
    expect(actions()).toEqual(['gap', 'verdict', 'gap']);
    expectWholeLines();
    expect(verifyChain(read())).toMatchObject({ ok: true, gaps: 2 });
  });

  it('is not open again for a line that would just fit, or it would work and fail in turns', () => {
    const room = { bytes: 0 };
    const audit = open('block', smallDisk(room));
    expect(() => audit.verdict({ 'event.action': 'verdict' })).toThrow(Problem);
    room.bytes = 600;
    audit.flush();
    expect(() => audit.verdict({ 'event.action': 'verdict' })).toThrow(Problem);
    expect([audit.blocked, read(), room.bytes]).toEqual([true, '', 600]);
  });

  it('blocks nothing with onFull: count, which goes on to write what fits', () => {
    const room = { bytes: 0 };
    const audit = open('count', smallDisk(room));
    audit.verdict({ 'event.action': 'verdict', n: 1 });
    expect([audit.blocked, turns]).toEqual([false, 0]);
    room.bytes = 600;
    audit.verdict({ 'event.action': 'verdict', n: 2 });
    expect(actions()).toEqual(['gap', 'verdict']);
    expect(counts).toEqual({ 'verdict lost': 1, 'verdict written': 1 });
  });

  it('leaves a cut line where it cannot be taken back, and marks it', () => {
    const room = { bytes: 40 };
    const takeBack = () => {
      throw new Error('EPERM');
    };
    const audit = open('count', { ...smallDisk(room), takeBack });
    audit.verdict({ 'event.action': 'verdict', n: 1 });
    room.bytes = 10_000;
    audit.verdict({ 'event.action': 'verdict', n: 2 });
    expect(verifyChain(read())).toMatchObject({ ok: true, gaps: 1 });
  });
});

describe('the chain', () => {
  it('shows a line that was changed, cut out or put elsewhere', () => {
    const audit = open();
    for (let n = 0; n < 4; n += 1) audit.verdict({ 'event.action': 'verdict', n });
    audit.end();
    const lines = read().trimEnd().split('\n');
    expect(verifyChain(read())).toMatchObject({ ok: true, lines: 4, gaps: 0 });
    const [a, b, c, d] = lines as [string, string, string, string];
    expect(verifyChain([a, b.replace('"n":1', '"n":9'), c, d].join('\n'))).toMatchObject({ ok: false, line: 3 });
    expect(verifyChain([a, c, d].join('\n'))).toMatchObject({ ok: false, line: 2 });
    expect(verifyChain([b, a, c, d].join('\n'))).toMatchObject({ ok: false, line: 1 });
    expect(verifyChain([a, 'not a record', c].join('\n'))).toMatchObject({ ok: false, line: 2 });
  });

  it('goes on over a restart, and over a file that ends in the middle of a line', () => {
    open().verdict({ 'event.action': 'verdict', n: 1 });
    writeFileSync(file, '{"torn":', { flag: 'a' });
    const audit = open();
    audit.verdict({ 'event.action': 'verdict', n: 2 });
    audit.end();
    expect(verifyChain(read())).toMatchObject({ ok: true, gaps: 1 });
    expectWholeLines();
    expect(JSON.parse(read().trimEnd().split('\n').at(-1)!)).toMatchObject({ 'pinwarden.seq': 3 });
  });

  it('begins anew behind a file that holds no record', () => {
    writeFileSync(file, 'garbage without end');
    open().verdict({ 'event.action': 'verdict' });
    const [, gap] = read().split('\n');
    expect(JSON.parse(gap!)).toMatchObject({ 'event.action': 'gap', 'pinwarden.prev': CHAIN_START });
  });

  it('goes on in the next file after a rotation', () => {
    const audit = open();
    audit.verdict({ 'event.action': 'verdict', n: 1 });
    const first = verifyChain(read());
    if (!first.ok) throw new Error(first.why);
    rmSync(file);
    audit.close({ 'event.action': 'close' });
    audit.reopen(openAppend(file));
    audit.verdict({ 'event.action': 'verdict', n: 2 });
    // The close line went to the old file, which is gone; the new one follows it.
    expect(JSON.parse(read())).toMatchObject({ 'pinwarden.seq': 3 });
  });
});

describe('lines', () => {
  it('are there before verdict returns, close lines with the next verdict or flush', () => {
    const audit = open();
    audit.close({ 'event.action': 'close' });
    expect(read()).toBe('');
    audit.verdict({ 'event.action': 'verdict' });
    expect(actions()).toEqual(['close', 'verdict']);
    audit.close({ 'event.action': 'close' });
    audit.flush();
    audit.flush();
    expect(actions()).toEqual(['close', 'verdict', 'close']);
  });

  it('that wait are bounded', () => {
    const audit = open();
    for (let n = 0; n < 3000; n += 1) audit.close({ 'event.action': 'close', n });
    expect(counts['close lost']).toBe(3000 - 2048);
    audit.end();
    expect(counts['close written']).toBe(2048);
    expect(verifyChain(read())).toMatchObject({ ok: true, gaps: 1 });
  });

  it('are readable by the owner alone', () => {
    open().verdict({ 'event.action': 'verdict' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
