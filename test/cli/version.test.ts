import { expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { versions } from '../../src/cli/version.ts';

it('is the one of the package, with the engine below it', () => {
  expect(versions()).toEqual({
    version: manifest.version,
    node: process.versions.node,
    openssl: process.versions.openssl,
  });
});
