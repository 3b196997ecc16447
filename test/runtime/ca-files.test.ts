import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CaConfig } from '../../src/policy/config.ts';
import { CaFileError, openCa } from '../../src/runtime/ca-files.ts';

const NOW_MS = Date.parse('2026-03-01T00:00:00Z');
let dir: string;
let config: CaConfig;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ca-'));
  config = { certificateFile: join(dir, 'pki/ca.pem'), keyFile: join(dir, 'pki/ca-key.pem'), create: 'ifMissing' };
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('refuses', () => {
  it('to make a CA where the configuration says never', () => {
    expect(() => openCa({ ...config, create: 'never' }, NOW_MS, null)).toThrow(/ca\.create is `never`/);
  });

  it.each([0o640, 0o604, 0o660, 0o666, 0o622])('a key with mode %o', (mode) => {
    openCa(config, NOW_MS, null);
    chmodSync(config.keyFile, mode);
    expect(() => openCa(config, NOW_MS, null)).toThrow(/may be read or written by others.*chmod 600/);
  });

  it.skipIf(process.getuid?.() !== 0)("a key of root's that more than a group may read", () => {
    openCa(config, NOW_MS, null);
    for (const mode of [0o444, 0o460, 0o441]) {
      chmodSync(config.keyFile, mode);
      expect(() => openCa(config, NOW_MS, 12_345), mode.toString(8)).toThrow(/may be read or written by others/);
    }
    chmodSync(config.keyFile, 0o440);
    for (const uid of [null, 0]) expect(() => openCa(config, NOW_MS, uid)).toThrow(/may be read or written by others/);
    expect(() => openCa(config, NOW_MS, 12_345), 'as Kubernetes and systemd hand it over').not.toThrow();
  });

  it('a key that belongs to another user', () => {
    openCa(config, NOW_MS, null);
    const { uid } = statSync(config.keyFile);
    if (uid === 0) expect(() => openCa(config, NOW_MS, 12_345)).not.toThrow();
    else expect(() => openCa(config, NOW_MS, 12_345)).toThrow(/belongs to user/);
  });

  it.each(['certificateFile', 'keyFile'] as const)('to make a CA over half of another one (%s is there)', (field) => {
    openCa(config, NOW_MS, null);
    const kept = readFileSync(config[field], 'utf8');
    rmSync(config[field === 'keyFile' ? 'certificateFile' : 'keyFile']);
    expect(() => openCa(config, NOW_MS, null)).toThrow(CaFileError);
    expect(readFileSync(config[field], 'utf8')).toBe(kept);
  });

  it('an expired CA, and a file that is no CA', () => {
    openCa(config, NOW_MS, null);
    expect(() => openCa(config, NOW_MS + 400 * 86_400_000, null)).toThrow(/expired/);
    writeFileSync(config.certificateFile, 'not a certificate');
    expect(() => openCa(config, NOW_MS, null)).toThrow(CaFileError);
  });
});

it('makes one on the first start, with a key for its owner alone, and keeps it', () => {
  const first = openCa(config, NOW_MS, null);
  expect(first.created).toBe(true);
  expect(statSync(config.keyFile).mode & 0o777).toBe(0o600);
  const second = openCa(config, NOW_MS, null);
  expect(second.created).toBe(false);
  expect(second.ca.sha256).toBe(first.ca.sha256);
});
