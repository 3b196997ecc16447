/** Chains of real servers at a time at which they were served, and the roots that ship. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { judgeCertificate } from '../../src/pki/path/certificate-rules.ts';
import { parsePublicAnchors } from '../../src/runtime/trust-loader.ts';
import { corpora } from '../support/corpora.ts';
import { type BatchAnswer, type BatchCase, judgeAll, word } from './batch.ts';

const PUBLIC = new URL('../../config/anchors/public.json', import.meta.url);

describe('the public set', () => {
  const { anchors } = parsePublicAnchors(readFileSync(PUBLIC, 'utf8')).set;

  it('has only roots that the rules for public anchors allow', () => {
    const faults = anchors.flatMap(({ certificate }) => {
      const findings: Finding[] = [];
      const atMs = (certificate.notBeforeMs + certificate.notAfterMs) / 2;
      judgeCertificate(certificate, { role: 'anchor', depth: 1, profile: 'public', atMs }, findings);
      return findings;
    });
    expect(anchors.length).toBeGreaterThan(100);
    expect(faults).toEqual([]);
  });
});

const appmattus = corpora('ct-appmattus');
const boringssl = corpora('boringssl-pki');

function pemChain(name: string): readonly Buffer[] {
  const text = readFileSync(join(appmattus ?? '', 'test/resources/testdata', name), 'latin1');
  return [...text.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END/g)].map(([, body = '']) =>
    Buffer.from(body, 'base64'),
  );
}

function der(name: string): Buffer {
  return readFileSync(join(boringssl ?? '', 'pki/testdata/verify_unittest', name));
}

/** Roots of Mozilla in 2019, one after the other. */
function oldRoots(): readonly Buffer[] {
  let rest = der('mozilla_roots.der');
  const roots: Buffer[] = [];
  while (rest.length > 4) {
    // Each is a SEQUENCE with two octets of length.
    const size = 4 + rest.readUInt16BE(2);
    roots.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return roots;
}

type Row = readonly [name: string, expected: string, one: () => Omit<BatchCase, 'anchors'> & Partial<BatchCase>];

const lencr = (...more: readonly string[]) => ['lencr-leaf.der', 'lencr-intermediate-r3.der', ...more].map(der);
const google = ['google-leaf.der', 'google-intermediate1.der', 'google-intermediate2.der'];
const IN_2023 = '2023-10-15T00:00:00Z';
const IN_2018 = '2018-07-01T00:00:00Z';
const IN_2017 = '2017-07-15T00:00:00Z';
const babylon = { host: 'babylonhealth.com', at: IN_2018 };

const ROWS: readonly Row[] = [
  ['lencr.org to the public set', 'allow', () => ({ chain: lencr(), host: 'lencr.org', at: IN_2023 })],
  [
    'lencr.org with the cross-certificate of a root that has run out',
    'allow',
    () => ({ chain: lencr('lencr-root-x1-cross-signed.der', 'lencr-root-dst-x3.der'), host: 'lencr.org', at: IN_2023 }),
  ],
  [
    'lencr.org to the root that has run out alone',
    'chain.expired',
    () => ({
      chain: lencr('lencr-root-x1-cross-signed.der'),
      anchors: [der('lencr-root-dst-x3.der')],
      host: 'lencr.org',
      at: IN_2023,
    }),
  ],
  ['lencr.org for another host', 'identity.mismatch', () => ({ chain: lencr(), host: 'lencr.test', at: IN_2023 })],
  [
    'lencr.org a year later',
    'chain.expired',
    () => ({ chain: lencr(), host: 'lencr.org', at: '2024-10-15T00:00:00Z' }),
  ],
  [
    'lencr.org without its intermediate',
    'chain.incomplete',
    () => ({ chain: [der('lencr-leaf.der')], host: 'lencr.org', at: IN_2023 }),
  ],
  [
    'www.google.com to the roots of its time',
    'allow',
    () => ({
      anchors: oldRoots(),
      anchorsArePublic: true,
      chain: google.map(der),
      host: 'www.google.com',
      at: IN_2017,
    }),
  ],
  [
    'www.google.com to the public set of today',
    'chain.incomplete',
    () => ({ chain: google.map(der), host: 'www.google.com', at: IN_2017 }),
  ],
  ['babylonhealth.com', 'allow', () => ({ chain: pemChain('mitmproxy-original-chain.pem'), ...babylon })],
  [
    'babylonhealth.com with a leaf of an intercepting proxy before it',
    'chain.incomplete',
    () => ({ chain: pemChain('mitmproxy-attack-chain.pem'), ...babylon, at: '2018-10-20T00:00:00Z' }),
  ],
  [
    'no-sct.badssl.com',
    'allow',
    () => ({ chain: pemChain('no-sct.badssl.com.pem'), host: 'no-sct.badssl.com', at: '2023-11-15T00:00:00Z' }),
  ],
];

describe.skipIf(appmattus === null || boringssl === null)('real chains (corpora ct-appmattus, boringssl-pki)', () => {
  let answers: ReadonlyMap<string, BatchAnswer>;
  beforeAll(async () => {
    answers = await judgeAll(new Map(ROWS.map(([name, , one]) => [name, { anchors: 'public', ...one() }])));
  });

  it.each(ROWS.map(([name, expected]) => ({ name, expected })))('$name: $expected', ({ name, expected }) => {
    expect(word(answers.get(name)).split(' ')).toContain(expected);
    if (expected === 'allow') expect(answers.get(name)?.path?.length).toBeGreaterThan(2);
  });
});
