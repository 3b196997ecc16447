/** An installation that has recorded events: configuration, policy, audit file and locker in a directory of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockerDirectory, openLocker } from '../../src/observe/evidence-locker.ts';
import { exhibitIdOf, exhibitOf } from '../../src/observe/exhibit.ts';
import type { CloseEntry, VerdictEntry } from '../../src/observe/recorder.ts';
import { closeRecord, verdictRecord } from '../../src/observe/records.ts';
import { AT_MS, reportOf } from '../support/entries.ts';
import { certificateOf, mismatchEntry, rogueLeaf } from '../support/unexpected.ts';
import { type CapturedIo, capturedIo } from './captured-io.ts';

/** Keys that no certificate has. */
export const KEY = `sha256/${Buffer.alloc(32, 1).toString('base64')}`;
export const BACKUP = `sha256/${Buffer.alloc(32, 2).toString('base64')}`;

export const POLICY = `version: 1
rules:
  - name: bank
    match: [api.bank.example]
    onFailure: block
    pins:
      anyOf:
        - { ca: "${KEY}" }
        - { ca: "${BACKUP}", backup: true }
  - { name: other, match: [other.example], onFailure: alert }
`;

export interface Installation {
  readonly dir: string;
  /** An Io in the directory, with `-c pinwarden.yaml` understood. */
  io(more?: Partial<CapturedIo>): CapturedIo;
  remove(): void;
}

export interface Recorded {
  readonly verdicts?: readonly VerdictEntry[];
  readonly closes?: readonly CloseEntry[];
  readonly policy?: string;
  readonly config?: string;
  /** Without it chains are kept. */
  readonly locker?: 'empty';
  /** Without it lines are written. */
  readonly audit?: 'none';
}

export function installationWith(recorded: Recorded = {}): Installation {
  const { verdicts = [], closes = [], policy = POLICY, config = '' } = recorded;
  const dir = mkdtempSync(join(tmpdir(), 'sight-cli-'));
  writeFileSync(join(dir, 'pinwarden.yaml'), `version: 1\npolicies: [policy.yaml]\n${config}`);
  writeFileSync(join(dir, 'policy.yaml'), policy);
  const lines = [
    ...verdicts.map((entry) => verdictRecord(entry, 1, exhibitIdOf(entry))),
    ...closes.map((entry) => closeRecord(entry, 1)),
  ].toSorted((a, b) => ((a['@timestamp'] ?? '') < (b['@timestamp'] ?? '') ? -1 : 1));
  if (recorded.audit !== 'none') {
    writeFileSync(join(dir, 'audit.ndjson'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
  if (recorded.locker !== 'empty') {
    const locker = openLocker(lockerDirectory(join(dir, 'state')));
    for (const entry of verdicts) {
      const exhibit = exhibitOf(entry);
      if (exhibit !== null) locker.keep(exhibit);
    }
    locker.work(AT_MS, 'all');
  }
  return {
    dir,
    io: (more = {}) => ({ ...capturedIo(dir), ...more }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** A good chain of the same host before: another leaf under the CA of `mismatchEntry`, or the very leaf. */
export function goodEntry(fields: Partial<VerdictEntry> = {}, leaf = rogueLeaf('before.example')): VerdictEntry {
  const [, ...issuers] = mismatchEntry().report?.path ?? [];
  return mismatchEntry({
    eventId: 'good-0001',
    atMs: AT_MS - 3_600_000,
    verdict: 'allow',
    code: null,
    report: reportOf({ path: [certificateOf(leaf.der), ...issuers] }),
    ...fields,
  });
}
