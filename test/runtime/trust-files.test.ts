import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileError } from '../../src/host/files.ts';
import { loadConfig } from '../../src/policy/load.ts';
import { anchorChoices, readTrustMaterial } from '../../src/runtime/trust-files.ts';
import { policyOf } from '../support/entries.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trust-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function configOf(fields: object) {
  const loaded = loadConfig(JSON.stringify({ version: 1, policies: [], ...fields }), join(dir, 'pinwarden.yaml'));
  if (!loaded.ok) throw new Error(loaded.mistakes[0]?.message);
  return loaded.value;
}

it('refuses a file that was named and is not there', () => {
  expect(() => readTrustMaterial(configOf({ anchors: ['absent.pem'] }), policyOf([]), [])).toThrow(FileError);
  expect(() => readTrustMaterial(configOf({ crl: { files: ['absent.crl'] } }), policyOf([]), [])).toThrow(FileError);
});

it('reads each named file once, the public set, and the system store when there is one', () => {
  writeFileSync(join(dir, 'roots.pem'), 'pem');
  const config = configOf({ anchors: ['roots.pem'] });
  const policy = policyOf([{ name: 'a', match: ['a.example'], anchors: 'system' }]);
  expect(anchorChoices(config, policy)).toContain('system');
  const material = readTrustMaterial(config, policy, ['own']);
  expect(material.anchorFiles).toEqual([{ file: join(dir, 'roots.pem'), text: 'pem' }]);
  expect(material.publicAnchors).toContain('"certificates"');
  expect(material.ownCas).toEqual(['own']);
  expect(material.systemAnchors === null || material.systemAnchors.includes('BEGIN')).toBe(true);
});

it('reads what replaces the public set, what completes paths, and who signed the log list', () => {
  const names = ['public.pem', 'inter.pem', 'list.json', 'list.sig', 'key.pem'];
  for (const name of names) writeFileSync(join(dir, name), name);
  const config = configOf({
    publicAnchors: ['public.pem'],
    intermediates: ['inter.pem'],
    ct: { logList: 'list.json', signatureKeyFile: 'key.pem', profile: 'apple' },
  });
  const material = readTrustMaterial(config, policyOf([]), []);
  expect(material).toMatchObject({
    publicAnchorFiles: [{ file: join(dir, 'public.pem'), text: 'public.pem' }],
    intermediates: [{ file: join(dir, 'inter.pem'), text: 'inter.pem' }],
    logList: 'list.json',
    ct: { profile: { name: 'apple' } },
  });
  expect(material.logListSigned?.publicKeyPem).toBe('key.pem');
  expect(String(material.logListSigned?.signature)).toBe('list.sig');
  rmSync(join(dir, 'list.sig'));
  expect(() => readTrustMaterial(config, policyOf([]), [])).toThrow(FileError);
});
