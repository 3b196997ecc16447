import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRead } from '../../src/host/files.ts';
import { auditFiles, followAudit, linesFrom, readAudit } from '../../src/observe/audit-reader.ts';
import { verdictRecord } from '../../src/observe/records.ts';
import { AT_MS, verdictEntry } from '../support/entries.ts';

let dir: string;
let file: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'audit-'));
  file = join(dir, 'audit.ndjson');
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const RECORD = verdictRecord(verdictEntry(), 1);
const line = (seconds: number, eventId = `e-${seconds}`) => {
  const at = new Date(AT_MS + seconds * 1000).toISOString();
  return `${JSON.stringify({ ...RECORD, '@timestamp': at, 'event.id': eventId })}\n`;
};
const range = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);
const ids = (events: Iterable<{ readonly eventId: string }>) => [...events].map(({ eventId }) => eventId);

describe('which files', () => {
  it('all workers and rotated ones; nothing else, and none for a directory that is not there', () => {
    const mine = ['audit.ndjson', 'audit.2.ndjson', 'audit.ndjson.1', 'audit.2.ndjson-20260301', 'audit.12.ndjson'];
    const others = [
      'audit.ndjson.gz',
      'audit.ndjson.1.gz',
      'auditXndjson',
      'other.ndjson',
      'audit.x.ndjson',
      'audit.json',
    ];
    for (const name of [...mine, ...others]) writeFileSync(join(dir, name), '');
    expect(auditFiles(file).map((one) => basename(one))).toEqual(mine.toSorted());
    expect(auditFiles(join(dir, 'nowhere', 'audit.ndjson'))).toEqual([]);
    const odd = join(dir, 'a+(1).log');
    writeFileSync(odd, '');
    expect(auditFiles(odd)).toEqual([odd]);
  });
});

describe('hostile and broken files', () => {
  it('are read around: torn lines, endless lines, junk', () => {
    writeFileSync(file, `${line(1)}{"torn":\n${'x'.repeat(700_000)}\n\0\n\n${line(2)}{"@timestamp":`);
    expect(ids(readAudit([file]))).toEqual(['e-1', 'e-2']);
    writeFileSync(file, 'x'.repeat(700_000));
    expect(ids(readAudit([file, join(dir, 'gone.ndjson')], { fromMs: AT_MS }))).toEqual([]);
    expect(() => [...readAudit([dir])]).toThrow();
  });

  it('split anywhere', () => {
    const text = `${line(1)}${line(2)}äöü\n`;
    const bytes = Buffer.from(text);
    for (const size of [1, 7, 100]) {
      const reader = { read: (offset: number) => bytes.subarray(offset, offset + size) };
      expect([...linesFrom(reader, 0)].join('\n')).toBe(text.slice(0, -1));
    }
  });
});

describe('a period', () => {
  it('starts at its first line, however large the file', () => {
    writeFileSync(
      file,
      range(0, 3000)
        .map((at) => line(at))
        .join(''),
    );
    for (const from of [0, 1, 1500, 2998, 2999, 5000]) {
      const events = ids(readAudit([file], { fromMs: AT_MS + from * 1000 }));
      expect(events, `from ${from}`).toHaveLength(Math.max(0, 3000 - from));
      expect(events[0]).toBe(from < 3000 ? `e-${from}` : undefined);
    }
  });

  it('does not lose lines that are a little out of order', () => {
    writeFileSync(file, [...range(0, 2000), 2003, 2001, 2002].map((at) => line(at)).join(''));
    expect(ids(readAudit([file], { fromMs: AT_MS + 2_001_000 }))).toEqual(['e-2003', 'e-2001', 'e-2002']);
  });

  it('looks only at the lines that are liked', () => {
    writeFileSync(file, line(1) + line(2));
    expect(ids(readAudit([file], { like: (text) => text.includes('"e-2"') }))).toEqual(['e-2']);
  });
});

it('merges the files of workers by time, and closes them when the reader stops early', () => {
  const second = join(dir, 'audit.2.ndjson');
  writeFileSync(
    file,
    range(0, 10, 2)
      .map((at) => line(at))
      .join(''),
  );
  writeFileSync(
    second,
    range(1, 10, 2)
      .map((at) => line(at))
      .join(''),
  );
  expect(ids(readAudit(auditFiles(file)))).toEqual(range(0, 10).map((at) => `e-${at}`));
  for (const event of readAudit(auditFiles(file))) if (event.eventId === 'e-3') break;
  expect(ids(readAudit([]))).toEqual([]);
});

describe('following', () => {
  it('sees what is written from now on, whole lines only, over rotation and new workers', () => {
    writeFileSync(file, line(0));
    const follower = followAudit(file);
    expect(follower.poll()).toEqual([]);
    const next = line(1);
    appendFileSync(file, next.slice(0, 20));
    expect(follower.poll()).toEqual([]);
    appendFileSync(file, next.slice(20) + line(2));
    expect(ids(follower.poll())).toEqual(['e-1', 'e-2']);
    renameSync(file, `${file}.1`);
    appendFileSync(`${file}.1`, line(3));
    writeFileSync(file, line(4));
    writeFileSync(join(dir, 'audit.2.ndjson'), line(5));
    expect(ids(follower.poll())).toEqual(['e-3', 'e-4', 'e-5']);
    expect(follower.poll()).toEqual([]);
    follower.close();
  });

  it('skips a line without end', () => {
    writeFileSync(file, '');
    const follower = followAudit(file);
    appendFileSync(file, `${'x'.repeat(300_000)}\n${line(1)}`);
    expect([...ids(follower.poll()), ...ids(follower.poll())]).toEqual(['e-1']);
    follower.close();
  });
});

it('a reader of the test does not outlive it', () => {
  writeFileSync(file, line(0));
  const reader = openRead(file);
  expect([...linesFrom(reader, 0)]).toHaveLength(1);
  reader.close();
});
