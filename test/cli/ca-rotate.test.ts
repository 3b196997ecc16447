import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCa } from '../../src/cli/ca.ts';
import { loadCa } from '../../src/minting/ca.ts';
import { emptyPlace, installedPlace, type Place } from './place.ts';

let here: Place;
beforeEach(async () => {
  here = await installedPlace();
});
afterEach(() => here.remove());

const ca = async (...argv: readonly string[]) => await here.run(runCa, ['rotate', ...argv]);
const file = (name: string) => here.path('config', name);
const text = (name: string) => readFileSync(file(name), 'utf8');

describe('ca rotate', () => {
  it('has nothing to rotate without a CA, and nothing to promote without a next one', async () => {
    const { exit, err } = await ca('--promote');
    expect(exit).toBe(1);
    expect(err).toContain('next: make it first: pinwarden ca rotate');
    const empty = emptyPlace();
    writeFileSync(empty.path('pinwarden.yaml'), 'version: 1\n');
    expect((await empty.run(runCa, ['rotate', '-c', 'pinwarden.yaml'])).err).toContain('no CA to rotate');
    empty.remove();
  });

  it('does not promote a key that others may read', async () => {
    await ca();
    chmodSync(file('next-ca-key.pem'), 0o644);
    const before = text('ca.pem');
    const { exit, err } = await ca('--promote');
    expect(exit).toBe(1);
    expect(err).toContain('chmod 600');
    expect(text('ca.pem')).toBe(before);
  });

  it('writes nothing in a dry run', async () => {
    expect((await ca('--dry-run')).out).toContain('would make');
    expect(existsSync(file('next-ca.pem'))).toBe(false);
    await ca();
    const before = text('ca.pem');
    expect((await ca('--promote', '--dry-run')).out).toContain('would put');
    expect(text('ca.pem')).toBe(before);
  });

  it('makes the next CA once, beside the current one', async () => {
    const before = text('ca.pem');
    const { exit, out } = await ca();
    expect(exit).toBe(0);
    expect(out).toContain('--promote');
    expect(text('ca.pem')).toBe(before);
    expect(statSync(file('next-ca-key.pem')).mode & 0o777).toBe(0o600);
    const next = text('next-ca.pem');
    expect(JSON.parse((await ca('--json')).out)).toMatchObject({ is: 'waiting' });
    expect(text('next-ca.pem')).toBe(next);
  });

  it('makes it anew when only half of it is there', async () => {
    writeFileSync(file('next-ca-key.pem'), 'half');
    expect(JSON.parse((await ca('--json')).out)).toMatchObject({ is: 'made' });
    expect(() => loadCa(text('next-ca.pem'), text('next-ca-key.pem'), Date.now())).not.toThrow();
  });

  it('promotes it: the pair matches, the old key is gone, its certificate is kept for untrust', async () => {
    const [before, oldKey] = [text('ca.pem'), text('ca-key.pem')];
    await ca();
    const next = text('next-ca.pem');
    expect((await ca('--promote')).exit).toBe(0);
    expect(text('ca.pem')).toBe(next);
    expect(() => loadCa(text('ca.pem'), text('ca-key.pem'), Date.now())).not.toThrow();
    expect(text('previous-ca.pem')).toBe(before);
    expect(text('ca-key.pem')).not.toBe(oldKey);
    expect([existsSync(file('next-ca.pem')), existsSync(file('next-ca-key.pem'))]).toEqual([false, false]);
    expect(statSync(file('ca-key.pem')).mode & 0o777).toBe(0o600);
  });

  it('goes on after an interruption between key and certificate, or before the end', async () => {
    const before = text('ca.pem');
    await ca();
    const [next, nextKey] = [text('next-ca.pem'), text('next-ca-key.pem')];
    writeFileSync(file('ca-key.pem'), nextKey);
    expect((await ca('--promote')).exit).toBe(0);
    expect([text('ca.pem'), text('previous-ca.pem')]).toEqual([next, before]);
    // Both removals were still to come.
    writeFileSync(file('next-ca.pem'), next);
    writeFileSync(file('next-ca-key.pem'), nextKey, { mode: 0o600 });
    expect((await ca('--promote')).exit).toBe(0);
    expect([text('ca.pem'), text('previous-ca.pem')]).toEqual([next, before]);
  });
});
