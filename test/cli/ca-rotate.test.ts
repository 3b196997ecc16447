import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCa } from '../../src/cli/ca.ts';
import { createCa, loadCa } from '../../src/minting/ca.ts';
import { authority, type Issued } from '../support/test-ca.ts';
import { emptyPlace, installedPlace, type Place } from './place.ts';

let here: Place;
beforeEach(async () => {
  here = await installedPlace();
});
afterEach(() => here.remove());

const ca = async (...argv: readonly string[]) => await here.run(runCa, ['rotate', ...argv]);
const file = (name: string) => here.path('config', name);
const text = (name: string) => readFileSync(file(name), 'utf8');
const configure = (fields: string) => writeFileSync(file('pinwarden.yaml'), `version: 1\nca: { ${fields} }\n`);

function putNext(next: Issued, chain: string): void {
  writeFileSync(file('next-ca.pem'), next.pem);
  writeFileSync(file('next-ca-key.pem'), next.keyPem, { mode: 0o600 });
  writeFileSync(file('next-chain.pem'), chain);
}

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

  it('makes no successor for a CA that another one issued', async () => {
    const below = authority({ cn: 'Corp Root' }).issueCa({ cn: 'Below' });
    writeFileSync(file('ca.pem'), below.pem);
    writeFileSync(file('ca-key.pem'), below.keyPem);
    const { exit, err } = await ca();
    expect(exit).toBe(1);
    expect(err).toContain('issued by another one (CN=Corp Root)');
    expect(err).toContain(file('next-ca.pem'));
    expect(existsSync(file('next-ca.pem'))).toBe(false);
  });

  it('does not call a broken pair waiting', async () => {
    await ca();
    writeFileSync(file('next-ca-key.pem'), text('ca-key.pem'));
    const { exit, err } = await ca();
    expect(exit).toBe(1);
    expect(err).toContain('does not belong');
  });

  it('makes nothing that would sign at once, and promotes nothing before its date', async () => {
    configure('next: { signsFrom: 2024-01-01 }');
    expect((await ca()).err).toContain('would sign before any client knows it');
    expect(existsSync(file('next-ca.pem'))).toBe(false);
    configure('next: { signsFrom: 2099-01-01 }');
    expect((await ca()).out).toContain('it signs from 2099-01-01T00:00:00Z on');
    const before = text('ca.pem');
    expect((await ca('--promote')).err).toContain('not yet');
    expect(text('ca.pem')).toBe(before);
  });

  it('promotes no chain that the configuration does not name for the CA', async () => {
    const middle = authority({ cn: 'Corp Root' }).issueCa({ cn: 'Middle' });
    const below = middle.issueCa({ cn: 'Below' });
    putNext(below, middle.pem);
    configure('next: { chainFile: next-chain.pem }');
    const before = text('ca.pem');
    expect((await ca('--promote')).err).toContain('names none for the current one');
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
    const { exit, out } = await ca('--promote');
    expect(exit).toBe(0);
    expect(out).toMatch(/open tunnels stay; this CA is valid for \d+ more days\n/);
    expect(text('ca.pem')).toBe(next);
    expect(() => loadCa(text('ca.pem'), text('ca-key.pem'), Date.now())).not.toThrow();
    expect(text('previous-ca.pem')).toBe(before);
    expect(text('ca-key.pem')).not.toBe(oldKey);
    expect([existsSync(file('next-ca.pem')), existsSync(file('next-ca-key.pem'))]).toEqual([false, false]);
    expect(statSync(file('ca-key.pem')).mode & 0o777).toBe(0o600);
  });

  it('promotes a chain with its CA, and says what has to leave the configuration', async () => {
    const root = authority({ cn: 'Corp Root' });
    const [one, other] = [root.issueCa({ cn: 'One' }), root.issueCa({ cn: 'Other' })];
    const current = one.issueCa({ cn: 'Current' });
    writeFileSync(file('ca.pem'), current.pem);
    writeFileSync(file('ca-key.pem'), current.keyPem);
    writeFileSync(file('chain.pem'), one.pem);
    const next = other.issueCa({ cn: 'Next' });
    putNext(next, other.pem);
    const yesterday = new Date(Date.now() - 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z');
    configure(`chainFile: chain.pem, next: { chainFile: next-chain.pem, signsFrom: ${yesterday} }`);
    const { out } = await ca('--promote');
    expect([text('ca.pem'), text('chain.pem'), text('previous-ca.pem')]).toEqual([next.pem, other.pem, current.pem]);
    expect(out).toContain('take ca.next.signsFrom out');

    configure('chainFile: chain.pem');
    const made = createCa({ commonName: 'A root', nowMs: Date.now(), days: 10 });
    writeFileSync(file('next-ca.pem'), made.certificatePem);
    writeFileSync(file('next-ca-key.pem'), made.keyPem, { mode: 0o600 });
    expect((await ca('--promote')).out).toContain('take ca.chainFile out');
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
