import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { runCheck } from '../../src/cli/check.ts';
import { runInit } from '../../src/cli/init.ts';
import { emptyPlace, type Place } from './place.ts';

const places: Place[] = [];
function place(): Place {
  const one = emptyPlace();
  places.push(one);
  return one;
}
afterEach(() => {
  while (places.length > 0) places.pop()?.remove();
});

describe('init', () => {
  it('refuses two directories, and one that cannot be', async () => {
    const here = place();
    expect((await here.run(runInit, ['a', 'b'])).exit).toBe(2);
    writeFileSync(here.path('file'), '');
    const { exit, err } = await here.run(runInit, ['file']);
    expect(exit).toBe(1);
    expect(err).toBe(
      `pinwarden init: ${here.path('file')}: not a directory\nnext: name a directory that you may write to: pinwarden init DIR\n`,
    );
  });

  it('refuses a key that others may read, and half a CA', async () => {
    const here = place();
    await here.run(runInit, []);
    chmodSync(here.path('config/ca-key.pem'), 0o644);
    const open = await here.run(runInit, []);
    expect(open.exit).toBe(1);
    expect(open.err).toMatch(/chmod 600.*\nnext: /s);
    const half = place();
    await half.run(runInit, ['conf']);
    writeFileSync(half.path('conf/pinwarden.yaml'), 'version: 1\nca: { keyFile: other-key.pem }\n');
    expect((await half.run(runInit, ['conf'])).err).toContain('never made over half');
  });

  it('refuses to go on over a configuration that is not valid', async () => {
    const here = place();
    await here.run(runInit, []);
    writeFileSync(here.path('config/pinwarden.yaml'), 'version: 2\n');
    const { exit, err } = await here.run(runInit, []);
    expect(exit).toBe(1);
    expect(err).toContain('next: pinwarden check');
  });

  it('makes an installation that check accepts, with a key for its owner alone', async () => {
    const here = place();
    const { exit, out } = await here.run(runInit, []);
    expect(exit).toBe(0);
    expect(out).toContain('made  config/ca.pem');
    expect(out).toContain('pinwarden ca trust');
    expect(statSync(here.path('config/ca-key.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(here.path('config')).mode & 0o777).toBe(0o700);
    expect(readFileSync(here.path('config/.gitignore'), 'utf8')).toContain('ca-key.pem');
    expect((await here.run(runCheck, [])).exit).toBe(0);
  });

  it('overwrites nothing', async () => {
    const here = place();
    await here.run(runInit, ['conf']);
    const before = readFileSync(here.path('conf/ca.pem'), 'utf8');
    writeFileSync(here.path('conf/policies/example.yaml'), '# mine\n');
    const { exit, out } = await here.run(runInit, ['conf', '--json']);
    expect(exit).toBe(0);
    const result = JSON.parse(out) as { files: { made: boolean }[]; ca: { sha256: string } };
    expect(result.files.every(({ made }) => !made)).toBe(true);
    expect(result.ca.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(here.path('conf/ca.pem'), 'utf8')).toBe(before);
    expect(readFileSync(here.path('conf/policies/example.yaml'), 'utf8')).toBe('# mine\n');
    expect((await here.run(runInit, ['conf'])).out).toContain('pinwarden run -c conf/pinwarden.yaml');
  });
});
