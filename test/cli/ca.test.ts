import { X509Certificate } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCa } from '../../src/cli/ca.ts';
import { installedPlace, type Place } from './place.ts';

let here: Place;
beforeEach(async () => {
  here = await installedPlace();
});
afterEach(() => here.remove());

const ca = async (...argv: readonly string[]) => await here.run(runCa, argv);

describe('ca', () => {
  it.each([
    [[]],
    [['burn']],
    [['info', 'export']],
    [['info', '--promote']],
    [['export', '--json', '--der']],
    [['export', '--json', '--out', 'both.json']],
    [['export', '--der']],
    [['rotate', '--out', 'x']],
    [['trust', '--promote']],
  ])('refuses %j', async (argv) => {
    const { exit, err } = await ca(...argv);
    expect(exit).toBe(2);
    expect(err).toContain('usage: pinwarden ca info');
  });

  it('refuses stores that it does not know', async () => {
    const { exit } = await here.run(runCa, ['info'], { env: { TRUST_STORES: 'keychain' } });
    expect(exit).toBe(2);
  });

  it('says what to do without an installation or CA', async () => {
    expect((await ca('info', '-c', 'missing.yaml')).err).toContain('pinwarden init');
    rmSync(here.path('config/ca.pem'));
    for (const verb of ['info', 'export', 'trust']) expect((await ca(verb)).exit).toBe(1);
  });
});

describe('ca info', () => {
  it('shows each certificate, and a key that others may read', async () => {
    await ca('rotate');
    chmodSync(here.path('config/ca-key.pem'), 0o640);
    const { exit, out } = await ca('info');
    expect(exit).toBe(0);
    expect(out).toMatch(/^current .*\n.*\nnext .*/ms);
    expect(out).toMatch(/key +config\/ca-key\.pem +MAY BE READ BY OTHERS \(mode 640\)/);
    expect(out).toMatch(/36\d days left/);
    rmSync(here.path('config/ca-key.pem'));
    expect((await ca('info')).out).toContain('no such file');
  });

  it.skipIf(process.getuid?.() !== 0)(
    'takes for right what the proxy takes: root hands the key to a group',
    async () => {
      const file = here.path('config/ca-key.pem');
      chmodSync(file, 0o440);
      expect((await ca('info')).out).toContain('MAY BE READ BY OTHERS (mode 440)');
      const user = vi.spyOn(process, 'getuid').mockReturnValue(12_345);
      try {
        expect((await ca('info')).out).toContain("root's, handed to this user by a group");
      } finally {
        user.mockRestore();
      }
    },
  );

  it('says who signs now, and from when the next one does', async () => {
    const signs = async () => (await ca('info')).out.match(/^signs +(.*)$/m)?.[1];
    const configure = (signsFrom: string) =>
      writeFileSync(here.path('config/pinwarden.yaml'), `version: 1\nca: { next: { signsFrom: ${signsFrom} } }\n`);
    expect(await signs()).toBe('the current one');
    await ca('rotate');
    expect(await signs()).toMatch(/^the current one; the next one waits/);
    configure('2099-01-01');
    expect(await signs()).toBe('the current one; the next one from 2099-01-01T00:00:00Z on (ca.next.signsFrom)');
    configure('2024-01-01');
    expect(await signs()).toMatch(/^the next one, since 2024-01-01T00:00:00Z/);
    const { signs: facts } = JSON.parse((await ca('info', '--json')).out) as { signs: object };
    expect(facts).toEqual({ now: 'next', nextFrom: '2024-01-01T00:00:00Z', nextIs: 'signing' });
  });

  it('is complete as JSON', async () => {
    const info = JSON.parse((await ca('info', '--json')).out) as {
      certificates: object[];
      key: object;
      stores: object[];
    };
    const { fingerprint256 } = new X509Certificate(readFileSync(here.path('config/ca.pem')));
    expect(info.certificates).toMatchObject([
      { slot: 'current', sha256: fingerprint256.replaceAll(':', '').toLowerCase(), subject: 'CN=Pinwarden CA' },
    ]);
    expect(info.key).toMatchObject({ is: 'for its owner alone' });
    expect(info.stores).toEqual([]);
  });
});

describe('ca export', () => {
  it('never overwrites, and never holds a key', async () => {
    expect((await ca('export', '--out', 'config/ca.pem')).err).toMatch(/exists already\nnext: /);
    for (const { out } of [await ca('export'), await ca('info'), await ca('info', '--json')]) {
      expect(out).not.toContain('PRIVATE');
    }
  });

  it('hands out the current CA, and the next one with it', async () => {
    const current = readFileSync(here.path('config/ca.pem'), 'utf8');
    expect((await ca('export')).out).toBe(current);
    await ca('rotate');
    expect((await ca('export', '--out', 'both.pem')).exit).toBe(0);
    const next = readFileSync(here.path('config/next-ca.pem'), 'utf8');
    expect(readFileSync(here.path('both.pem'), 'utf8')).toBe(current + next);
    const { certificates } = JSON.parse((await ca('export', '--json')).out) as {
      certificates: { slot: string; pem: string }[];
    };
    expect(certificates.map(({ slot, pem }) => ({ slot, pem }))).toEqual([
      { slot: 'current', pem: current },
      { slot: 'next', pem: next },
    ]);
    await ca('export', '--der', '--out', 'ca.der');
    expect(new X509Certificate(readFileSync(here.path('ca.der'))).ca).toBe(true);
  });
});
