import { expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { dispatch } from '../../src/cli/dispatch.ts';
import { capturedIo } from './captured-io.ts';

it.each([['--version'], ['-V'], ['version']])('%s prints the version, and ends with 0', async (word) => {
  const io = capturedIo('/');
  expect(await dispatch([word], io)).toBe(0);
  expect(io.stdout()).toBe(
    `pinwarden ${manifest.version} (node ${process.versions.node}, openssl ${process.versions.openssl})\n`,
  );
  expect(io.stderr()).toBe('');
});

it('answers in JSON too', async () => {
  const io = capturedIo('/');
  expect(await dispatch(['version', '--json'], io)).toBe(0);
  expect(JSON.parse(io.stdout())).toMatchObject({ version: manifest.version });
});

it('says what a word that is no command may have been', async () => {
  const io = capturedIo('/');
  expect(await dispatch(['versoin'], io)).toBe(2);
  expect(io.stderr()).toContain('did you mean: pinwarden version');
  expect(await dispatch(['version', 'now'], io)).toBe(2);
  expect(io.stdout()).toBe('');
});
