import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { trustMistakes } from '../../src/runtime/trust-mistakes.ts';
import { listBytes, testLog } from '../support/ct-log.ts';
import { configOf } from '../support/policies.ts';
import { authority } from '../support/test-ca.ts';

let dir: string;
const put = (name: string, text: string | Uint8Array): void => writeFileSync(join(dir, name), text);
const config = (body: string) => configOf(body, join(dir, 'pinwarden.yaml'));

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trust-mistakes-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('names every file once, at the first place, in pinwarden.yaml before rules', () => {
  const broken = config('anchors: [a.pem, b.pem]\nintermediates: [b.pem]\ncrl: { files: [c.crl] }\n');
  const rule = { files: [join(dir, 'a.pem'), join(dir, 'd.pem')], places: [3, 4].map((line) => at('p.yaml', line)) };
  put('b.pem', 'no pem');
  put('c.crl', 'no crl');
  const said = trustMistakes(broken, [broken.anchors, rule, 'system']);
  expect(
    said.map(({ place, message }) => `${place.file.slice(dir.length + 1)}:${place.line}:${place.column} ${message}`),
  ).toEqual([
    `p.yaml:4:1 ${join(dir, 'd.pem')}: no such file`,
    `pinwarden.yaml:2:11 ${join(dir, 'a.pem')}: no such file`,
    `pinwarden.yaml:2:18 ${join(dir, 'b.pem')}: there is no PEM certificate in it`,
    expect.stringMatching(/^pinwarden\.yaml:4:16 .*c\.crl: /),
  ]);
  expect(said.every(({ severity, hint }) => severity === 'error' && hint !== undefined)).toBe(true);
});

it('says nothing of files that a start would take', () => {
  put('a.pem', authority({ cn: 'Root' }).pem);
  put('list.json', listBytes([testLog()], Date.parse('2026-03-01T00:00:00Z')));
  const good = config('anchors: [a.pem]\npublicAnchors: [a.pem]\nintermediates: [a.pem]\nct: { logList: list.json }\n');
  expect(trustMistakes(good, [good.anchors])).toEqual([]);
  put('list.json', '{}');
  expect(trustMistakes(good, [good.anchors])).toMatchObject([{ place: { line: 5, column: 16 } }]);
});

function at(file: string, line: number) {
  return { file: join(dir, file), line, column: 1 };
}
