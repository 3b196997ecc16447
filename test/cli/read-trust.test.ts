import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCaCertificates, readInstallation } from '../../src/cli/installation.ts';
import { readTrust } from '../../src/cli/read-trust.ts';
import { CommandError } from '../../src/cli/usage.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { authority } from '../support/test-ca.ts';
import { capturedIo } from './captured-io.ts';
import { installedPlace, type Place } from './place.ts';

let here: Place;
beforeAll(async () => {
  here = await installedPlace();
});
afterAll(() => here.remove());
const config = () => readInstallation(undefined, capturedIo(here.dir));

it('names a file that is missing or broken', () => {
  const broken = here.path('broken.pem');
  writeFileSync(broken, 'nothing');
  expect(() => readTrust({ ...config(), anchors: { files: [here.path('no.pem')] } }, null)).toThrow(CommandError);
  expect(() => readTrust({ ...config(), ct: { ...config().ct, logList: broken } }, null)).toThrow('the CT log list');
  expect(() => readTrust({ ...config(), crl: { ...config().crl, files: [here.path('no.crl')] } }, null)).toThrow(
    CommandError,
  );
});

it('knows our own CA, so that it is never an anchor, and does without one', () => {
  const [current] = readCaCertificates(config(), capturedIo(here.dir));
  expect(readTrust(config(), null).ownCaKeys).toEqual(new Set([current.certificate.spkiSha256]));
  const elsewhere = { ...config(), ca: { ...config().ca, certificateFile: here.path('no.pem') } };
  expect(readTrust(elsewhere, null).ownCaKeys.size).toBe(0);
});

it('has the anchors of rules as well as those of the configuration', () => {
  const file = here.path('anchor.pem');
  writeFileSync(file, authority({ cn: 'Corp' }).pem);
  const text = JSON.stringify({ version: 1, rules: [{ name: 'r', match: ['h.example'], anchors: [file] }] });
  const source = { path: 'p', owner: null, mayMatch: null, mayNot: [], file: here.path('p.yaml'), text };
  const policy = loadPolicy([source], config());
  if (!policy.ok) throw new Error('policy');
  expect(readTrust(config(), policy.value).anchorSets.get(`files:${file}`)?.anchors).toHaveLength(1);
  rmSync(file);
  expect(() => readTrust(config(), policy.value)).toThrow(CommandError);
});
