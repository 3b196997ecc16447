import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runPins } from '../../src/cli/pins.ts';
import { authority } from '../support/test-ca.ts';
import { capturedIo } from './captured-io.ts';

const root = authority({ cn: 'Root\u202e' });
const leaf = root.issueLeaf({ dns: ['good.test'] });
const folder = mkdtempSync(join(tmpdir(), 'pinwarden-pins-'));
const write = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content);
write('both.pem', leaf.pem + root.pem);
write('leaf.der', leaf.der);
write('key.pem', `-----BEGIN PUBLIC KEY-----\n${leaf.spki.toString('base64')}\n-----END PUBLIC KEY-----\n`);
write('private.pem', leaf.keyPem);
write('empty.pem', '');
write('notes.txt', 'our certificates');
write('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
write('cut.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n');
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: readonly string[]) {
  const io = capturedIo(folder);
  return { exit: await runPins(argv, io), out: io.stdout(), err: io.stderr() };
}

describe('pins', () => {
  it('refuses wrong usage and what is no key', async () => {
    expect((await run()).exit).toBe(2);
    const nothing = await run('--json');
    expect(nothing).toMatchObject({ exit: 2, out: '' });
    expect(nothing.err).toContain('usage: pinwarden pins FILE.pem');
    for (const name of ['missing.pem', 'private.pem', 'empty.pem', 'broken.pem', 'cut.pem', 'notes.txt']) {
      const { exit, out, err } = await run(name);
      expect({ name, exit, out }).toEqual({ name, exit: 1, out: '' });
      expect(err).toMatch(/\nnext: .+\n$/);
    }
  });

  it('prints the pin of each key, with a subject that cannot play tricks', async () => {
    const { exit, out } = await run('both.pem', 'leaf.der', 'key.pem');
    expect(exit).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toBe(`${leaf.pin}  CN=good.test`);
    expect(lines[1]).toMatch(`${root.pin}  CN=Root`);
    expect(lines[2]).toBe(lines[0]);
    expect(lines[3]).toBe(`${leaf.pin}  (public key)`);
    expect(out).not.toContain('\u202e');
  });

  it('prints one object for programs, with what it could not read', async () => {
    const { exit, out } = await run('both.pem', 'key.pem', 'private.pem', 'missing.pem', '--json');
    expect(exit).toBe(1);
    const { keys, unreadable } = JSON.parse(out) as { keys: { subject: string }[]; unreadable: unknown[] };
    expect(keys).toHaveLength(3);
    expect(keys[0]).toEqual({ file: 'both.pem', block: 1, pin: leaf.pin, subject: 'CN=good.test' });
    expect(keys[1]?.subject).not.toContain('\u202e');
    expect(keys[2]).toEqual({ file: 'key.pem', block: 1, pin: leaf.pin, subject: null });
    expect(unreadable).toEqual([
      { file: 'private.pem', block: 1, why: expect.stringContaining('no certificate and no public key') as string },
      { file: 'missing.pem', block: null, why: 'no such file' },
    ]);
  });

  it('says of a file that holds no certificate at all what is wrong with it', async () => {
    for (const name of ['notes.txt', 'empty.pem']) {
      expect((await run(name)).err).toBe(
        `pinwarden pins: ${name}: neither PEM nor DER\nnext: give certificates or public keys, as PEM or DER\n`,
      );
    }
  });

  it('goes on after a file that it cannot read', async () => {
    const { exit, out } = await run('broken.pem', 'leaf.der');
    expect(exit).toBe(1);
    expect(out).toContain(leaf.pin);
  });
});
