import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as der from '../../../src/pki/der/writer.ts';
import { type BasicResponse, MAX_OCSP_BYTES, parseOcspResponse } from '../../../src/pki/ocsp/response.ts';
import { corpora } from '../../support/corpora.ts';
import { extension } from '../../support/extensions.ts';
import { basicResponse, errorResponse, ocspResponse, ocspScts } from '../../support/ocsp-responder.ts';
import { authority } from '../../support/test-ca.ts';

const AT = Date.UTC(2026, 5, 1);
const root = authority({ cn: 'Root', at: AT });
const leaf = root.issueLeaf({ dns: ['a.test'] });

function basicOf(bytes: Uint8Array): BasicResponse {
  const parsed = parseOcspResponse(bytes);
  if (parsed.is !== 'basic') throw new Error(JSON.stringify(parsed));
  return parsed.response;
}

const extra = (critical: boolean, oid = '1.3.6.1.4.1.55555.9') => extension(oid, critical, der.nullValue());

describe('parseOcspResponse', () => {
  const good = ocspResponse(root, [{ certificate: leaf }], { atMs: AT });

  it.each([
    ['nothing', Buffer.alloc(0), 'frame'],
    ['more than the limit', Buffer.alloc(MAX_OCSP_BYTES + 1), 'frame'],
    ['trailing bytes', Buffer.concat([good, Buffer.from([0])]), 'frame'],
    ['success without response', errorResponse(0), 'frame'],
    ['status 4, which is not used', errorResponse(4), 'frame'],
    ['an unknown status', errorResponse(7), 'frame'],
    ['another type of response', basicResponse(Buffer.alloc(0), '1.2.3'), 'frame'],
    ['a basic response that is none', basicResponse(der.nullValue()), 'frame'],
    ['data that is none', basicResponse(der.sequence(der.nullValue(), SHA256, der.bitString(Buffer.alloc(1)))), 'data'],
    ['an error with a response', der.sequence(der.enumerated(1), der.contextConstructed(0, der.sequence())), 'frame'],
    ['version 2', ocspResponse(root, [], { atMs: AT, version: 1 }), 'data'],
    [
      'too many certificates',
      ocspResponse(root, [], { atMs: AT, certificates: Array(17).fill(der.sequence()) }),
      'frame',
    ],
    ['a certificate that is none', ocspResponse(root, [], { atMs: AT, certificates: [der.nullValue()] }), 'frame'],
    ['an extension twice', ocspResponse(root, [], { atMs: AT, extensions: [extra(false), extra(false)] }), 'data'],
    ['too many extensions', ocspResponse(root, [], { atMs: AT, extensions: manyExtensions() }), 'data'],
    [
      'a revocation reason out of range',
      ocspResponse(root, [{ certificate: leaf, status: 'revoked', reason: 11 }], { atMs: AT }),
      'data',
    ],
  ])('refuses %s', (_, bytes, part) => {
    expect(parseOcspResponse(bytes)).toMatchObject({ is: 'malformed', part });
  });

  it('refuses every prefix', () => {
    for (let size = 0; size < good.length; size += 1) {
      expect(parseOcspResponse(good.subarray(0, size)).is, `${size} bytes`).toBe('malformed');
    }
  });

  it('refuses a status with content', () => {
    // Behind the serial: what is random before it may hold the same two bytes.
    const at = good.indexOf(Buffer.from([0x80, 0x00]), good.indexOf(leaf.serial) + leaf.serial.length);
    const bytes = Buffer.from(good);
    bytes.set([0x80, 0x01], at);
    expect(parseOcspResponse(bytes).is).toBe('malformed');
  });

  it.each([1, 2, 3, 5, 6])('reads error status %i', (status) => {
    expect(parseOcspResponse(errorResponse(status))).toEqual({ is: 'error', status });
  });

  it('reads who, when and about what', () => {
    const response = basicOf(good);
    expect(response).toMatchObject({ responderId: { by: 'key' }, producedAtMs: AT - 3_600_000, unknownCritical: [] });
    expect(response.responses).toMatchObject([
      { status: { is: 'good' }, thisUpdateMs: AT - 3_600_000, nextUpdateMs: AT + 48 * 3_600_000, sctList: null },
    ]);
    expect(response.responses[0]?.certId.serial.equals(leaf.serial)).toBe(true);
  });

  it('reads statuses, names, certificates, and extensions by their being critical', () => {
    const list = Buffer.from([1, 2, 3]);
    const bytes = ocspResponse(
      root,
      [
        { certificate: leaf, status: 'unknown', nextUpdateMs: null, extensions: [extra(true), extra(false, '1.2.3')] },
        { certificate: leaf, status: 'revoked', revokedAtMs: AT, extensions: [ocspScts(list)] },
        { certificate: leaf, status: 'revoked', reason: 1 },
        { certificate: leaf, extensions: [{ ...ocspScts(list), value: list }] },
      ],
      { atMs: AT, responderId: 'name', certificates: [root.der], extensions: [extra(true)], version: 0 },
    );
    const response = basicOf(bytes);
    expect(response.responderId).toMatchObject({ by: 'name', name: { text: 'CN=Root' } });
    expect(response.certificates).toEqual([root.der]);
    expect(response.unknownCritical).toEqual(['1.3.6.1.4.1.55555.9']);
    expect(response.responses).toMatchObject([
      { status: { is: 'unknown' }, nextUpdateMs: null, unknownCritical: ['1.3.6.1.4.1.55555.9'] },
      { status: { is: 'revoked', revokedAtMs: AT, reason: null }, sctList: list },
      { status: { is: 'revoked', reason: 1 } },
      { sctList: Buffer.alloc(0) },
    ]);
  });
});

const SHA256 = der.sequence(der.oid('1.2.840.10045.4.3.2'));

function manyExtensions() {
  return Array.from({ length: 33 }, (_, index) => extra(false, `1.3.6.1.4.1.55555.${index}`));
}

const pyca = corpora('pyca-x509');
describe.skipIf(pyca === null)('responses of others (corpus pyca-x509)', () => {
  const read = (file: string) => parseOcspResponse(readFileSync(join(pyca ?? '', 'ocsp', file)));

  it.each([
    ['resp-unauthorized.der', { is: 'error', status: 6 }],
    ['resp-unknown-response-status.der', { is: 'malformed', part: 'frame' }],
    ['resp-successful-no-response-bytes.der', { is: 'malformed', part: 'frame' }],
    ['resp-response-type-unknown-oid.der', { is: 'malformed', part: 'frame' }],
    ['resp-delegate-unknown-cert.der', { is: 'basic', response: { responses: [{ status: { is: 'unknown' } }] } }],
    ['resp-invalid-signature-oid.der', { is: 'basic', response: { responses: [{ status: { is: 'good' } }] } }],
    ['resp-responder-key-hash.der', { is: 'basic', response: { responderId: { by: 'key' } } }],
    ['resp-sha256.der', { is: 'basic', response: { responderId: { by: 'name' } } }],
    ['resp-revoked.der', { is: 'basic', response: { responses: [{ status: { is: 'revoked', reason: null } }] } }],
    ['resp-revoked-reason.der', { is: 'basic', response: { responses: [{ status: { is: 'revoked', reason: 4 } }] } }],
    ['resp-revoked-no-next-update.der', { is: 'basic', response: { responses: [{ nextUpdateMs: null }] } }],
    ['resp-single-extension-reason.der', { is: 'basic', response: { responses: [{ unknownCritical: [] }] } }],
    ['resp-unknown-extension.der', { is: 'basic', response: { unknownCritical: [] } }],
    [
      'resp-unknown-hash-alg.der',
      { is: 'basic', response: { responses: [{ certId: { hashOid: '1.3.14.3.2.26.17' } }] } },
    ],
    ['resp-sct-extension.der', { is: 'basic', response: { responses: [{ sctList: expect.any(Buffer) }] } }],
    ['ocsp-army.deps.mil-resp.der', { is: 'basic', response: { certificates: expect.any(Array) } }],
  ])('%s', (file, expected) => {
    expect(read(file)).toMatchObject(expected);
  });
});

const golang = corpora('golang-ocsp');
describe.skipIf(golang === null)('responses of others (corpus golang-ocsp)', () => {
  const read = (file: string) => parseOcspResponse(readFileSync(join(golang ?? '', file)));

  it.each([
    ['errorResponse.der', { is: 'error' }],
    ['ocspRequest.der', { is: 'malformed' }],
    ['ocspResponse.der', { is: 'basic', response: { responses: [{ status: { is: 'good' } }] } }],
    ['ocspResponseWithoutCert.der', { is: 'basic', response: { certificates: [] } }],
    ['ocspResponseWithExtension.der', { is: 'basic', response: { responses: [{ unknownCritical: [] }] } }],
    [
      'ocspResponseWithCriticalExtension.der',
      { is: 'basic', response: { responses: [{ unknownCritical: [expect.any(String)] }] } },
    ],
  ])('%s', (file, expected) => {
    expect(read(file)).toMatchObject(expected);
  });
});
