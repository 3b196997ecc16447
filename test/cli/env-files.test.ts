import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeClientFiles } from '../../src/cli/env-files.ts';
import { readCaCertificates, readInstallation } from '../../src/cli/installation.ts';
import { createMachine } from '../../src/cli/stores/machine.ts';
import { CommandError } from '../../src/cli/usage.ts';
import { authority } from '../support/test-ca.ts';
import { describeWith } from '../support/tools.ts';
import { capturedIo } from './captured-io.ts';
import { installedPlace, type Place } from './place.ts';

let here: Place;
beforeEach(async () => {
  here = await installedPlace();
});
afterEach(() => here.remove());

const cas = () => readCaCertificates(readInstallation(undefined, capturedIo(here.dir)), { cwd: here.dir });
const bare = () => createMachine({ PATH: '' }, here.dir);

describe('writeClientFiles', () => {
  it('says what to do where it cannot write', () => {
    writeFileSync(here.path('file'), '');
    expect(() => writeClientFiles(here.path('file/state'), cas(), bare())).toThrow(CommandError);
  });

  it('writes bundle and own CA, and leaves Java out where there is none', () => {
    const files = writeClientFiles(here.path('state'), cas(), bare());
    expect(files.java).toBeNull();
    expect(readdirSync(here.path('state')).sort()).toEqual(['ca-bundle.pem', 'ca-only.pem']);
  });
});

describeWith(['keytool'], 'a key store for Java', () => {
  const keytool = (...args: readonly string[]) =>
    execFileSync('keytool', [...args, '-storepass', 'changeit'], { encoding: 'utf8' });

  it("is a copy of Java's own with our CA in it, made once for each CA", () => {
    mkdirSync(here.path('etc/ssl/certs/java'), { recursive: true });
    const source = here.path('etc/ssl/certs/java/cacerts');
    writeFileSync(here.path('other.pem'), authority({ cn: 'Other' }).pem);
    keytool('-importcert', '-noprompt', '-keystore', source, '-alias', 'other', '-file', here.path('other.pem'));
    const machine = createMachine({ PATH: process.env['PATH'] ?? '' }, here.dir);
    const first = writeClientFiles(here.path('state'), cas(), machine);
    expect(writeClientFiles(here.path('state'), cas(), machine)).toEqual(first);
    const list = keytool('-list', '-keystore', first.java ?? '');
    expect(list).toMatch(/other/);
    expect(list).toMatch(/pinwarden-[0-9a-f]{16}/);
    // Java's own is as it was.
    expect(keytool('-list', '-keystore', source)).not.toContain('pinwarden');
    writeFileSync(here.path('config/ca.pem'), authority({ cn: 'Next' }).pem);
    const second = writeClientFiles(here.path('state'), cas(), machine);
    expect(second.java).not.toBe(first.java);
    expect(readdirSync(here.path('state')).filter((name) => name.startsWith('java-'))).toHaveLength(1);
  });

  it('is left out when Java refuses', () => {
    mkdirSync(here.path('etc/ssl/certs/java'), { recursive: true });
    writeFileSync(here.path('etc/ssl/certs/java/cacerts'), 'no key store');
    const machine = createMachine({ PATH: process.env['PATH'] ?? '' }, here.dir);
    expect(writeClientFiles(here.path('state'), cas(), machine).java).toBeNull();
    expect(readdirSync(here.path('state')).sort()).toEqual(['ca-bundle.pem', 'ca-only.pem']);
  });
});
