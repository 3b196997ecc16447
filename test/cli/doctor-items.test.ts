import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCa } from '../../src/cli/ca.ts';
import {
  caItems,
  clockItems,
  diskItems,
  fileItems,
  type Item,
  runtimeItems,
  storeItems,
  transparencyItems,
} from '../../src/cli/doctor-items.ts';
import { readInstallation } from '../../src/cli/installation.ts';
import { loadFiles } from '../../src/cli/policy-files.ts';
import { readTrust } from '../../src/cli/read-trust.ts';
import { createCa } from '../../src/minting/ca.ts';
import { capturedIo } from './captured-io.ts';
import { installedPlace, type Place } from './place.ts';

const DAY_MS = 86_400_000;
let here: Place;
beforeEach(async () => {
  here = await installedPlace();
});
afterEach(() => here.remove());

const io = () => capturedIo(here.dir);
const config = () => readInstallation(undefined, io());
const words = (items: readonly Item[]) => items.map(({ name, is }) => `${name} ${is}`);
const now = () => Date.now();

describe('runtime', () => {
  it('fails on an old Node and on a switch that turns verification off', () => {
    expect(words(runtimeItems('20.20.2', {}))).toEqual(['node fail']);
    expect(words(runtimeItems('26.3.9', {}))).toEqual(['node fail']);
    const env = { [['NODE', 'TLS', 'REJECT', 'UNAUTHORIZED'].join('_')]: '0', NODE_OPTIONS: '--no-warnings' };
    expect(words(runtimeItems('26.10.0', env))).toEqual(['node ok', 'environment fail', 'environment warn']);
    expect(words(runtimeItems('26.4.0', {}))).toEqual(['node ok']);
  });
});

describe('files', () => {
  it('fail when they are missing or wrong, with the place', () => {
    const missing = fileItems(loadFiles('missing.yaml', io()), now(), io(), 'pinwarden check -c x');
    expect(missing).toMatchObject([{ is: 'fail', next: expect.stringContaining('pinwarden init') as string }]);
    writeFileSync(here.path('config/policies/example.yaml'), 'version: 1\nrules: 3\n');
    const [wrong] = fileItems(loadFiles('config/pinwarden.yaml', io()), now(), io(), 'pinwarden check -c x');
    expect(wrong).toMatchObject({ is: 'fail', next: 'pinwarden check -c x' });
    expect(wrong?.says).toContain('config/policies/example.yaml:2');
  });

  it('are fine as they ship, and warn where lint does', () => {
    expect(words(fileItems(loadFiles('config/pinwarden.yaml', io()), now(), io(), 'pinwarden check -c x'))).toEqual([
      'files ok',
    ]);
    writeFileSync(here.path('config/pinwarden.yaml'), 'version: 1\nlisten: [{ address: 0.0.0.0, port: 3128 }]\n');
    expect(words(fileItems(loadFiles('config/pinwarden.yaml', io()), now(), io(), 'pinwarden check -c x'))).toEqual([
      'files warn',
    ]);
  });
});

describe('CA', () => {
  it('fails when it cannot be used, warns before its end', () => {
    expect(words(caItems(config(), now() + 400 * DAY_MS, io()))).toEqual(['CA fail']);
    expect(words(caItems(config(), now() + 340 * DAY_MS, io()))).toEqual(['CA warn']);
    expect(words(caItems(config(), now(), io()))).toEqual(['CA ok']);
    chmodSync(here.path('config/ca-key.pem'), 0o644);
    expect(caItems(config(), now(), io())[0]?.says).toContain('chmod 600');
    // `ca rotate` needs a CA that can be used.
    expect(caItems(config(), now(), io())[0]?.next).toContain('pinwarden init');
  });

  it('warns near its end unless another one is there to come after it', async () => {
    const nearEnd = now() + 340 * DAY_MS;
    expect(caItems(config(), nearEnd, io())[0]).toMatchObject({ is: 'warn', next: 'pinwarden ca rotate' });
    const made = createCa({ commonName: 'Next CA', nowMs: now() + 335 * DAY_MS, days: 300 });
    writeFileSync(here.path('config/next-ca.pem'), made.certificatePem);
    writeFileSync(here.path('config/next-ca-key.pem'), made.keyPem, { mode: 0o600 });
    expect(words(caItems(config(), nearEnd, io()))).toEqual(['CA ok', 'next CA ok']);
  });

  it('warns of a next CA that waits too long without a date, or that cannot be used', async () => {
    await here.run(runCa, ['rotate']);
    expect(words(caItems(config(), now(), io()))).toEqual(['CA ok', 'next CA ok']);
    const [, waiting] = caItems(config(), now() + 200 * DAY_MS, io());
    expect(waiting).toMatchObject({ is: 'warn', next: expect.stringContaining('ca rotate --promote') as string });
    const fresh = caItems(config(), now(), io()).find(({ name }) => name === 'next CA');
    expect(fresh?.says, 'its first day of validity is no day of waiting').not.toContain('since');
    expect(fresh?.says).toMatch(/^waits to be promoted, valid from \d{4}-\d\d-\d\d; the current one ends /);
    const dated = (signsFromMs: number) => {
      const whole = config();
      return { ...whole, ca: { ...whole.ca, next: { ...whole.ca.next, signsFromMs } } };
    };
    const [, soon] = caItems(dated(now() + 210 * DAY_MS), now() + 200 * DAY_MS, io());
    expect(soon).toMatchObject({ is: 'ok', says: expect.stringContaining('signs from') as string });
    const taken = caItems(dated(now()), now() + 350 * DAY_MS, io());
    expect(taken).toMatchObject([{ is: 'warn', next: 'pinwarden ca rotate --promote, then pinwarden ca rotate' }]);
    writeFileSync(here.path('config/next-ca-key.pem'), 'half');
    expect(words(caItems(config(), now(), io()))).toEqual(['CA ok', 'next CA warn']);
    expect(words(caItems(dated(now()), now(), io()))).toEqual(['CA fail']);
  });

  it('may be missing before the first start, unless it must be brought', () => {
    rmSync(here.path('config/ca.pem'));
    rmSync(here.path('config/ca-key.pem'));
    expect(words(caItems(config(), now(), io()))).toEqual(['CA warn']);
    const never = { ...config(), ca: { ...config().ca, create: 'never' as const } };
    expect(words(caItems(never, now(), io()))).toEqual(['CA fail']);
  });
});

describe('clock', () => {
  it('fails before the build, and warns of old anchors', () => {
    expect(words(clockItems(Date.UTC(2020, 0, 1)))).toEqual(['clock fail', 'anchors ok']);
    expect(words(clockItems(Date.UTC(2040, 0, 1)))).toEqual(['clock ok', 'anchors warn']);
  });
});

describe('transparency', () => {
  it('warns without a log list', () => {
    expect(words(transparencyItems(config(), readTrust(config(), null), now()))).toEqual(['CT warn']);
  });

  it('warns of an old list', () => {
    const trust = readTrust(config(), null);
    const logList = { version: '1', timestampMs: now(), logs: new Map(), refused: [], sha256: '' };
    const withList = { ...config(), ct: { ...config().ct, logList: 'list.json' } };
    const at = (ms: number) => words(transparencyItems(withList, { ...trust, logList }, ms));
    expect(at(now() + 71 * DAY_MS)).toEqual(['CT warn']);
    expect(at(now())).toEqual(['CT ok']);
  });
});

describe('disks', () => {
  it('fail where the proxy could not write', () => {
    writeFileSync(here.path('file'), '');
    expect(words(diskItems({ ...config(), state: here.path('file') }))).toEqual(['state fail', 'audit ok']);
    mkdirSync(here.path('config/state'));
    expect(words(diskItems(config()))).toEqual(['state ok', 'audit ok']);
  });
});

describe('trust stores', () => {
  it('warn where the CA is not known, and are silent where there are none', () => {
    const env = { TRUST_STORES: 'nss', HOME: here.path('home'), PATH: '' };
    expect(storeItems(config(), { ...io(), env })).toEqual([]);
    mkdirSync(here.path('home/.pki/nssdb'), { recursive: true });
    writeFileSync(here.path('home/.pki/nssdb/cert9.db'), '');
    expect(storeItems(config(), { ...io(), env })).toMatchObject([{ name: 'clients', is: 'warn' }]);
    rmSync(here.path('config/ca.pem'));
    expect(storeItems(config(), { ...io(), env })).toEqual([]);
  });
});
