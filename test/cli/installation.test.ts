import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pemOf, readCaCertificates, readInstallation, readInstallationOrDefaults } from '../../src/cli/installation.ts';
import { CommandError } from '../../src/cli/usage.ts';
import { authority, pem } from '../support/test-ca.ts';
import { capturedIo } from './captured-io.ts';
import { emptyPlace, installedPlace, type Place } from './place.ts';

let here: Place;
let nowhere: Place;
beforeAll(async () => {
  here = await installedPlace();
  nowhere = emptyPlace();
});
afterAll(() => {
  here.remove();
  nowhere.remove();
});

describe('readInstallation', () => {
  it('says what to do without a file, or with one that is not valid', () => {
    const io = capturedIo(nowhere.dir);
    expect(() => readInstallation(undefined, io)).toThrow(CommandError);
    expect(() => readInstallationOrDefaults('missing.yaml', io)).toThrow('no such file');
    writeFileSync(nowhere.path('bad.yaml'), 'version: 1\nlisten: 3\n');
    expect(() => readInstallation('bad.yaml', io)).toThrow(/^bad\.yaml:2: /);
  });

  it('has defaults for commands that need no installation', () => {
    const config = readInstallationOrDefaults(undefined, capturedIo(nowhere.dir));
    expect(config.ca.certificateFile).toBe(nowhere.path('config/ca.pem'));
    expect(readInstallationOrDefaults(undefined, capturedIo(here.dir)).policies).toHaveLength(1);
  });
});

describe('the CA of an installation', () => {
  it('says so when it is missing or not readable', () => {
    const config = readInstallationOrDefaults(undefined, capturedIo(nowhere.dir));
    expect(() => readCaCertificates(config, capturedIo(nowhere.dir))).toThrow('there is no CA');
    const ca = { ...config.ca, certificateFile: nowhere.path('broken.pem') };
    writeFileSync(ca.certificateFile, 'nothing');
    expect(() => readCaCertificates({ ...config, ca }, capturedIo(nowhere.dir))).toThrow('no readable certificate');
    expect(() =>
      readCaCertificates({ ...config, ca: { ...ca, certificateFile: nowhere.dir } }, capturedIo(nowhere.dir)),
    ).toThrow(CommandError);
  });

  it('is the current one, then the next, then the previous', () => {
    const config = readInstallation(undefined, capturedIo(here.dir));
    expect(readCaCertificates(config, capturedIo(here.dir)).map(({ slot }) => slot)).toEqual(['current']);
    const [next, previous] = [authority({ cn: 'Next' }), authority({ cn: 'Previous' })];
    writeFileSync(config.ca.next.certificateFile, next.pem);
    writeFileSync(config.ca.previousCertificateFile, `text before\n${previous.pem}`);
    const cas = readCaCertificates(config, capturedIo(here.dir));
    expect(cas.map(({ slot }) => slot)).toEqual(['current', 'next', 'previous']);
    expect(cas[2]?.pem).toBe(previous.pem);
  });

  it('is printed as PEM', () => {
    const { der } = authority();
    expect(pemOf(der)).toBe(pem('CERTIFICATE', der));
  });
});
