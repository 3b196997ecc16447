import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCa } from '../../src/minting/ca.ts';
import { signerAt } from '../../src/minting/signer.ts';
import type { CaConfig } from '../../src/policy/config.ts';
import { loadConfig } from '../../src/policy/load.ts';
import {
  CaFileError,
  caDirectories,
  caMaterialOf,
  lookAtCas,
  lookOf,
  makeMissingCa,
  openCa,
  openCas,
  openNextCa,
  ownCertificates,
} from '../../src/runtime/ca-files.ts';
import { authority } from '../support/test-ca.ts';

const NOW_MS = Date.parse('2026-03-01T00:00:00Z');
const DAY_MS = 86_400_000;
let dir: string;
let config: CaConfig;
const at = (name: string) => join(dir, 'pki', name);
const text = (name: string) => readFileSync(at(name), 'utf8');

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ca-'));
  config = configOf();
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function configOf(ca: object = {}): CaConfig {
  const whole = { version: 1, ca: { certificateFile: 'pki/ca.pem', keyFile: 'pki/ca-key.pem', ...ca } };
  const loaded = loadConfig(JSON.stringify(whole), join(dir, 'pinwarden.yaml'));
  if (!loaded.ok) throw new Error(loaded.mistakes[0]?.message);
  return loaded.value.ca;
}

const put = (name: string, content: string, mode = 0o600) => {
  rmSync(at(name), { force: true });
  writeFileSync(at(name), content, { mode });
};

/** Writes a pair as somebody else would. */
function putPair(prefix = '', fields: { readonly cn?: string; readonly nowMs?: number } = {}) {
  const made = createCa({ commonName: fields.cn ?? 'Another CA', nowMs: fields.nowMs ?? NOW_MS, days: 365 });
  put(`${prefix}ca.pem`, made.certificatePem, 0o644);
  put(`${prefix}ca-key.pem`, made.keyPem);
  return made;
}

const names = (cas: { readonly current: { readonly ca: { readonly certificate: { readonly subject: string } } } }) =>
  cas.current.ca.certificate.subject;

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
    expect(() => openCa(config, NOW_MS + 400 * DAY_MS, null)).toThrow(/expired/);
    writeFileSync(config.certificateFile, 'not a certificate');
    expect(() => openCa(config, NOW_MS, null)).toThrow(CaFileError);
  });

  it('a chain that is missing, or not that of the CA', () => {
    makeMissingCa(config, NOW_MS);
    const root = authority({ at: NOW_MS, cn: 'Corp Root' });
    const below = root.issueCa({ cn: 'Below' });
    put('ca.pem', below.pem);
    put('ca-key.pem', below.keyPem);
    const chained = configOf({ chainFile: 'pki/chain.pem' });
    expect(() => openCas(chained, NOW_MS, null)).toThrow(/pki\/chain\.pem: no such file/);
    put('chain.pem', authority({ at: NOW_MS, cn: 'Stranger' }).pem);
    expect(() => openCas(chained, NOW_MS, null)).toThrow(/pki\/chain\.pem: .*is not the issuer of/);
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

describe('the next CA', () => {
  beforeEach(() => void makeMissingCa(config, NOW_MS));
  const dated = (signsFrom: string) => configOf({ next: { signsFrom } });

  it('is asked for by name, and missing', () => {
    expect(() => openNextCa(config, NOW_MS, null)).toThrow(/next-ca-key\.pem: no such file/);
  });

  it('with a date must be there, and be able to sign then', () => {
    const asked = dated('2026-06-01');
    expect(() => openCas(asked, NOW_MS, null)).toThrow(
      /signsFrom is 2026-06-01T.*next-ca-key\.pem.*pinwarden ca rotate/,
    );
    putPair('next-');
    chmodSync(at('next-ca-key.pem'), 0o644);
    expect(() => openCas(asked, NOW_MS, null)).toThrow(/next-ca-key\.pem may be read.*pinwarden ca rotate/);
    put('next-ca-key.pem', text('ca-key.pem'));
    expect(() => openCas(asked, NOW_MS, null)).toThrow(/next-ca\.pem with .*does not belong/);
    putPair('next-', { nowMs: NOW_MS - 300 * DAY_MS });
    expect(() => openCas(asked, NOW_MS, null)).toThrow(/has expired/);
  });

  it('does not sign by a date of an earlier rotation, nor after a gap in which nothing does', () => {
    putPair('next-');
    expect(() => openCas(dated('2026-01-01'), NOW_MS, null)).toThrow(/date is one of an earlier rotation/);
    putPair('next-', { nowMs: NOW_MS + 100 * DAY_MS });
    const late = new Date(NOW_MS + 370 * DAY_MS).toISOString().slice(0, 10);
    expect(() => openCas(dated(late), NOW_MS, null)).toThrow(/the CA ends .*before the next one signs/);
  });

  it('signs from its date on, and the current one may have ended since', () => {
    const { certificatePem } = putPair('next-', { nowMs: NOW_MS + 100 * DAY_MS, cn: 'Next CA' });
    const asked = dated('2026-07-01');
    const cas = openCas(asked, NOW_MS, null);
    const turnMs = Date.parse('2026-07-01T00:00:00Z');
    expect(signerAt(cas, turnMs - 1)).toBe(cas.current);
    expect(signerAt(cas, turnMs)).toBe(cas.next);
    expect(ownCertificates(cas)).toEqual([text('ca.pem'), certificatePem]);
    expect(caMaterialOf(cas).next).toMatchObject({ certificatePem, signsFromMs: turnMs });
    expect(() => openCas(asked, NOW_MS + 400 * DAY_MS, null)).not.toThrow();
    expect(() => openCas(config, NOW_MS + 400 * DAY_MS, null)).toThrow(/expired/);
  });

  it('without a date is handed out when it is right, and complained about when it is not', () => {
    expect(openCas(config, NOW_MS, null)).toMatchObject({ next: null, complaints: [] });
    put('next-ca-key.pem', 'half');
    const broken = openCas(config, NOW_MS, null);
    expect(broken).toMatchObject({
      next: null,
      complaints: [expect.stringMatching(/next-ca\.pem: no such file.*rotate/)],
    });
    putPair('next-');
    expect(openCas(config, NOW_MS, null)).toMatchObject({ next: { signsFromMs: null }, complaints: [] });
  });

  it('is none when it has become the current one, and a date that has passed is then only complained about', () => {
    putPair('next-');
    for (const name of ['ca.pem', 'ca-key.pem']) put(name, text(`next-${name}`));
    expect(openCas(config, NOW_MS, null).next).toBeNull();
    for (const name of ['ca.pem', 'ca-key.pem']) rmSync(at(`next-${name}`));
    const passed = dated('2026-02-28');
    expect(() => openCas(passed, NOW_MS, null), 'nothing was promoted').toThrow(/signsFrom/);
    put('previous-ca.pem', createCa({ commonName: 'Old CA', nowMs: NOW_MS, days: 1 }).certificatePem);
    expect(openCas(passed, NOW_MS, null)).toMatchObject({
      next: null,
      complaints: [expect.stringContaining('take signsFrom out')],
    });
    expect(() => openCas(dated('2026-06-01'), NOW_MS, null), 'a date to come').toThrow(/signsFrom/);
  });

  it('needs no chain when it is a root below whose place a subordinate was', () => {
    const root = authority({ at: NOW_MS, cn: 'Corp Root' });
    const middle = root.issueCa({ cn: 'Middle' });
    const below = middle.issueCa({ cn: 'Below', notAfter: NOW_MS + 365 * DAY_MS });
    put('ca.pem', below.pem);
    put('ca-key.pem', below.keyPem);
    put('chain.pem', middle.pem);
    putPair('next-');
    const cas = openCas(configOf({ chainFile: 'pki/chain.pem' }), NOW_MS, null);
    expect([cas.current.chainPem, cas.next?.chainPem]).toEqual([middle.pem, '']);
    const { complaints } = openCas(configOf({ next: { chainFile: 'pki/chain.pem' } }), NOW_MS, null);
    expect(complaints, 'named for it').toEqual([expect.stringContaining('is a root')]);
  });
});

it('counts a chain that ends earlier, and sends of a CA file with several certificates only the first', () => {
  const root = authority({ at: NOW_MS, cn: 'Corp Root' });
  const middle = root.issueCa({ cn: 'Middle', notAfter: NOW_MS + 5 * DAY_MS });
  const below = middle.issueCa({ cn: 'Below' });
  makeMissingCa(config, NOW_MS);
  put('ca.pem', below.pem + middle.pem);
  put('ca-key.pem', below.keyPem);
  const cas = openCas(configOf({ chainFile: 'pki/ca.pem' }), NOW_MS, null);
  expect(cas.current.endsMs).toBe(NOW_MS + 5 * DAY_MS);
  expect(ownCertificates(cas)).toEqual([below.pem]);
  expect(cas.current.chainPem).toBe(middle.pem);
});

describe('a look of a running proxy', () => {
  beforeEach(() => void makeMissingCa(config, NOW_MS));
  const look = (before: Parameters<typeof lookAtCas>[1], asked = config) => lookAtCas(asked, before, NOW_MS, null);

  it.each([
    ['a certificate without its key', () => put('ca.pem', authority({ at: NOW_MS }).pem), /does not belong/],
    ['a key that is cut', () => put('ca-key.pem', text('ca-key.pem').slice(0, 80)), /no readable private key/],
    ['a key that others may read', () => chmodSync(at('ca-key.pem'), 0o644), /chmod 600/],
    ['a key that is gone', () => rmSync(at('ca-key.pem')), /ca-key\.pem: no such file/],
    ['a pair that has ended', () => void putPair('', { nowMs: NOW_MS - 400 * DAY_MS }), /expired/],
    ['a next CA with a date that is gone', () => rmSync(at('next-ca.pem')), /next-ca\.pem: no such file/],
  ])('keeps what was in force: %s', (_name, spoil, why) => {
    const asked = configOf({ next: { signsFrom: '2026-06-01' } });
    putPair('next-');
    const before = openCas(asked, NOW_MS, null);
    spoil();
    const looked = look(before, asked);
    expect(looked.cas).toBe(before);
    expect(looked.refused).toEqual([expect.stringMatching(why)]);
    expect(looked.digest).not.toBe(lookOf(before).digest);
    expect(look(before, asked).digest, 'said once').toBe(looked.digest);
  });

  it('keeps the next CA that signs when its files go away, unless it was promoted', () => {
    const asked = configOf({ next: { signsFrom: '2026-02-28' } });
    putPair('next-', { cn: 'Next CA' });
    put('previous-ca.pem', createCa({ commonName: 'Oldest CA', nowMs: NOW_MS, days: 1 }).certificatePem);
    const before = openCas(asked, NOW_MS, null);
    expect(signerAt(before, NOW_MS)).toBe(before.next);
    const next = { certificate: text('next-ca.pem'), key: text('next-ca-key.pem') };
    for (const name of ['ca.pem', 'ca-key.pem']) rmSync(at(`next-${name}`));
    const looked = look(before, asked);
    expect(looked.cas, 'the former CA does not sign again').toBe(before);
    expect(looked.refused).toEqual([expect.stringMatching(/signs since 2026-02-28.*put .*next-ca\.pem .*back/)]);
    put('ca.pem', next.certificate);
    put('ca-key.pem', next.key);
    expect(names(look(before, asked).cas)).toBe('CN=Next CA');
    openCa(config, NOW_MS, null);
    putPair('', { cn: 'Brought CA' });
    expect(look(before, asked).refused, 'nor does another one').toHaveLength(1);
    expect(names(look(before, config).cas), 'as it is asked for').toBe('CN=Brought CA');
  });

  it('takes a whole new pair, and remembers the old one as ours', () => {
    const before = openCas(config, NOW_MS, null);
    const old = text('ca.pem');
    expect(look(before)).toEqual(lookOf(before));
    putPair('', { cn: 'Brought CA' });
    const { cas, refused } = look(before);
    expect(refused).toEqual([]);
    expect(names(cas)).toBe('CN=Brought CA');
    expect(ownCertificates(cas)).toEqual([text('ca.pem'), old]);
    let last = cas;
    for (let count = 0; count < 9; count += 1) {
      putPair();
      last = look(last).cas;
    }
    expect(ownCertificates(last)).toHaveLength(5);
  });

  it('goes on handing out a next CA whose files broke, and forgets one whose files are gone', () => {
    putPair('next-');
    const before = openCas(config, NOW_MS, null);
    rmSync(at('next-ca-key.pem'));
    putPair('', { cn: 'Brought CA' });
    const { cas, refused } = look(before);
    expect([names(cas), cas.next?.ca.sha256, refused.length]).toEqual(['CN=Brought CA', before.next?.ca.sha256, 1]);
    rmSync(at('next-ca.pem'));
    expect(look(cas)).toMatchObject({ cas: { next: null }, refused: [] });
  });

  it('does not keep as next what was promoted, and complains of an unreadable previous one', () => {
    putPair('next-');
    const before = openCas(config, NOW_MS, null);
    for (const name of ['ca.pem', 'ca-key.pem']) put(name, text(`next-${name}`));
    rmSync(at('next-ca.pem'));
    put('previous-ca.pem', 'nothing');
    const { cas, refused } = look(before);
    expect(cas.next).toBeNull();
    expect(refused).toEqual([expect.stringContaining('next-ca.pem'), expect.stringContaining('previous-ca.pem')]);
  });
});

it('names every directory that matters once each', () => {
  const asked = configOf({ chainFile: 'up/chain.pem', next: { keyFile: 'next/key.pem' } });
  const directories = new Set(caDirectories(asked));
  expect([...directories].sort()).toEqual(['next', 'pki', 'up'].map((name) => join(dir, name)));
});
