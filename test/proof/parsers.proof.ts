/**
 * A million inputs for each parser that reads bytes of strangers: an answer every time.
 *
 * PINWARDEN_FUZZ_RUNS changes the number; a failure prints fast-check's seed.
 */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { parseCrl } from '../../src/pki/crl/parse.ts';
import { parseLogList } from '../../src/pki/ct/log-list.ts';
import { parseSctList } from '../../src/pki/ct/sct.ts';
import { type DerReader, readDer } from '../../src/pki/der/reader.ts';
import { parseOcspResponse } from '../../src/pki/ocsp/response.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import { issuingPoint, makeCrl } from '../support/crl-maker.ts';
import { embeddedScts, listBytes, sctList, testLog } from '../support/ct-log.ts';
import { mangled } from '../support/mangled.ts';
import { errorResponse, ocspResponse, ocspScts } from '../support/ocsp-responder.ts';
import { authority } from '../support/test-ca.ts';

const RUNS = Number(process.env['PINWARDEN_FUZZ_RUNS'] ?? 1_000_000);
const AT_MS = Date.UTC(2026, 0, 1);
const root = authority({ at: AT_MS, nameConstraints: { permitted: { dns: ['test'], ranges: ['192.0.2.0/24'] } } });
const logs = [testLog(), testLog({ operator: 'Two', interval: ['2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z'] })];
const leaf = root.issueLeaf({
  dns: ['a.test', '*.test'],
  ip: ['192.0.2.1'],
  email: ['a@a.test'],
  uri: ['https://a.test/'],
  policies: ['1.2.3'],
  aia: { ocsp: ['http://o.test'], caIssuers: ['http://c.test'] },
  crlUris: ['http://c.test/a.crl'],
  tlsFeatures: [5],
  sctList: embeddedScts(logs, AT_MS),
});
const pss = authority({ at: AT_MS, key: 'rsa2048', signature: 'pss-sha256' });
const point = issuingPoint({ uris: ['http://c.test/a.crl'], onlyUsers: true });
const revoked = [{ serial: leaf.serial, reason: 1 }, { serial: Buffer.from([5]) }];
const list = sctList(...logs.map((log) => log.sct({ type: 'x509', certificate: leaf.der }, AT_MS)));

function walk(reader: DerReader): number {
  let elements = 0;
  while (!reader.atEnd) {
    elements += 1;
    const tag = reader.peek();
    if ((tag & 0x20) === 0) reader.element();
    else elements += walk(reader.enter(tag));
  }
  return elements;
}

const PARSERS: Readonly<
  Record<string, { readonly seeds: readonly Buffer[]; readonly parse: (bytes: Buffer) => object }>
> = {
  'DER reader': { seeds: [root.der, leaf.der, pss.der], parse: (bytes) => readDer(bytes, 65_536, walk) },
  certificate: { seeds: [root.der, leaf.der, pss.der], parse: (bytes) => parseCertificate(bytes) },
  'SCT list': { seeds: [list, sctList()], parse: (bytes) => parseSctList(bytes) },
  'OCSP response': {
    seeds: [
      ocspResponse(root, [{ certificate: leaf, extensions: [ocspScts(list)] }], { atMs: AT_MS }),
      ocspResponse(root, [{ certificate: leaf, status: 'revoked', reason: 1 }], {
        atMs: AT_MS,
        certificates: [root.der],
      }),
      errorResponse(3),
    ],
    parse: (bytes) => parseOcspResponse(bytes),
  },
  CRL: {
    seeds: [
      makeCrl(root, { atMs: AT_MS, revoked, extensions: [point] }),
      makeCrl(root, { atMs: AT_MS, version: null }),
    ],
    parse: (bytes) => parseCrl(bytes),
  },
  'log list': { seeds: [listBytes(logs, AT_MS)], parse: (bytes) => parseLogList(bytes) },
};

describe.each(Object.entries(PARSERS))('%s', (_name, { seeds, parse }) => {
  it(`answers ${RUNS} times`, () => {
    fc.assert(
      fc.property(mangled(seeds), (bytes) => typeof parse(bytes) === 'object'),
      { numRuns: RUNS },
    );
  }, 3_600_000);
});
