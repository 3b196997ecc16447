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

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'audit-'));
  file = join(dir, 'audit.ndjson');
  counts = {};
  complaints = [];
  nowMs = AT_MS;
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function open(onFull: 'block' | 'count' = 'block', on: AppendFile = openAppend(file)) {
  const counted = (kind: string, written: boolean, count: number) => {
    const key = `${kind} ${written ? 'written' : 'lost'}`;
    counts[key] = (counts[key] ?? 0) + count;
  };
  const complain = (message: string) => complaints.push(message);
  return openAudit({ file: on, onFull, counted, complain, now: () => nowMs });
}

const read = () => readFileSync(file, 'utf8');
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
  };
}

it('goes on behind a line that lacks only its end, cut by a crash or by a full disk', () => {
  const path = join(dir, 'cut.ndjson');
  const options = { onFull: 'block' as const, counted: () => undefined, complain: () => undefined, now: () => 0 };
  const first = openAudit({ ...options, file: openAppend(path) });
  first.verdict({ 'event.id': 'a' });
  first.end();
  writeFileSync(path, readFileSync(path).subarray(0, -1));
  const file = openAppend(path);
  let short = 1;
  const append = (bytes: Uint8Array) => file.append(bytes.subarray(0, bytes.length - short));
  const second = openAudit({ ...options, file: { ...file, append } });
  second.verdict({ 'event.id': 'b' });
  short = 0;
  second.verdict({ 'event.id': 'c' });
  second.end();
  const text = readFileSync(path, 'utf8');
  expect(verifyChain(text)).toMatchObject({ ok: true, gaps: 2 });
  expect(text.match(/"event.id":"."/g)).toHaveLength(3);
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
    room.bytes = 10_000;
    audit.verdict({ 'event.action': 'verdict', n: 4 });
    expect(verifyChain(read())).toMatchObject({ ok: true });
    const written = (counts['close written'] ?? 0) + (counts['verdict written'] ?? 0);
    expect(written + (counts['close lost'] ?? 0) + (counts['verdict lost'] ?? 0)).toBe(4);
    expect(actions().at(-1)).toBe('verdict');
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
