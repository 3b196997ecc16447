import { describe, expect, it } from 'vitest';
import { MAX_CRL_BYTES, parseCrl, revocationOf } from '../../../src/pki/crl/parse.ts';
import * as der from '../../../src/pki/der/writer.ts';
import { type CrlSpec, issuingPoint, makeCrl } from '../../support/crl-maker.ts';
import { distinguishedName, extension } from '../../support/extensions.ts';
import { authority } from '../../support/test-ca.ts';

const AT = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;
const root = authority({ cn: 'Root', at: AT });
const serial = Buffer.from([0x01, 0x02]);

const make = (spec: Partial<CrlSpec> = {}) => makeCrl(root, { atMs: AT, ...spec });
const extra = (critical: boolean, oid = '1.3.6.1.4.1.55555.9') => extension(oid, critical, der.nullValue());

function crlOf(spec: Partial<CrlSpec> = {}) {
  const parsed = parseCrl(make(spec));
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

describe('parseCrl refuses', () => {
  const tooMany = Array.from({ length: 33 }, (_, index) => extra(false, `1.3.6.1.4.1.55555.${index}`));

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['trailing bytes', Buffer.concat([make(), Buffer.from([0])])],
    ['an encoded version 1', make({ version: 0 })],
    ['version 3', make({ version: 2 })],
    ['version 1 with extensions', make({ version: null, extensions: [extra(false)] })],
    ['version 1 with entry extensions', make({ version: null, revoked: [{ serial, reason: 1 }] })],
    ['a serial that is not minimal', make({ revoked: [{ serial: Buffer.from([0, 1]) }] })],
    ['an extension twice', make({ extensions: [extra(false), extra(true)] })],
    ['too many extensions', make({ extensions: tooMany })],
    ['no extensions in the field', make({ extensions: [] })],
    ['a reason out of range', make({ revoked: [{ serial, reason: 11 }] })],
    ['an empty distribution point', make({ extensions: [issuingPoint({})] })],
    ['contradicting scopes', make({ extensions: [issuingPoint({ onlyUsers: true, onlyCas: true })] })],
    [
      'an encoded default',
      make({ extensions: [extension('2.5.29.28', true, der.sequence(der.contextPrimitive(1, Buffer.from([0]))))] }),
    ],
    ['a distribution point that is none', make({ extensions: [extension('2.5.29.28', true, der.nullValue())] })],
  ])('%s', (_, bytes) => {
    expect(parseCrl(bytes)).toMatchObject({ ok: false });
  });

  it('more than the limit, unread', () => {
    expect(parseCrl(Buffer.alloc(MAX_CRL_BYTES + 1))).toMatchObject({ ok: false, offset: MAX_CRL_BYTES });
  });

  it('two signature algorithms', () => {
    const bytes = Buffer.from(make());
    const outer = bytes.lastIndexOf(Buffer.from('06082a8648ce3d040302', 'hex'));
    bytes.set([0x03], outer + 9);
    expect(parseCrl(bytes)).toMatchObject({ ok: false, why: 'signature algorithms differ' });
  });

  it('every prefix', () => {
    const bytes = make({ revoked: [{ serial, reason: 1 }] });
    for (let size = 0; size < bytes.length; size += 1) expect(parseCrl(bytes.subarray(0, size)).ok).toBe(false);
  });
});

describe('parseCrl reads', () => {
  it('a plain CRL', () => {
    const crl = crlOf();
    expect(crl).toMatchObject({
      issuer: { text: 'CN=Root' },
      thisUpdateMs: AT - DAY_MS,
      nextUpdateMs: AT + 5 * DAY_MS,
      scope: { point: null, covers: 'all', onlySomeReasons: false, indirect: false },
      delta: false,
      unknownCritical: [],
    });
    expect(crl.issuerKey).toBe(crl.issuer.key);
    expect(crl.revoked.size).toBe(0);
    expect(crlOf({ version: null, nextUpdateMs: null })).toMatchObject({ nextUpdateMs: null });
  });

  it('revocations, with date and reason', () => {
    const invalidityDate = extension('2.5.29.24', false, der.generalizedTime(AT));
    const crl = crlOf({
      revoked: [
        { serial, atMs: AT - DAY_MS },
        { serial: Buffer.from([3]), atMs: Date.UTC(2051, 0, 1), reason: 1, extensions: [invalidityDate] },
      ],
    });
    expect(revocationOf(crl, serial)).toEqual({ revokedAtMs: AT - DAY_MS, reason: null });
    expect(revocationOf(crl, Buffer.from([3]))).toEqual({ revokedAtMs: Date.UTC(2051, 0, 1), reason: 1 });
    expect(revocationOf(crl, Buffer.from([4]))).toBeNull();
  });

  it('an entry that no longer reads is still a revocation', () => {
    const crl = crlOf({ revoked: [{ serial }] });
    expect(revocationOf({ ...crl, der: Buffer.alloc(crl.der.length) }, serial)).toEqual({
      revokedAtMs: 0,
      reason: null,
    });
  });

  it.each([
    [
      issuingPoint({ uris: ['http://a.test/1.crl', 'http://b.test/1.crl'] }),
      { point: { uris: ['http://a.test/1.crl', 'http://b.test/1.crl'], directories: [], relative: null } },
    ],
    [issuingPoint({ relative: true }), { point: { uris: [], directories: [], relative: '1(2.5.4.3=s4:part)' } }],
    [
      issuingPoint({ directory: distinguishedName([['CN', 'Part']]) }),
      { point: { uris: [], directories: ['1(2.5.4.3=s4:part)'], hasOtherNames: true } },
    ],
    [issuingPoint({ onlyUsers: true }), { covers: 'users', point: null }],
    [issuingPoint({ onlyCas: true }), { covers: 'cas' }],
    [issuingPoint({ onlyAttributes: true }), { covers: 'attributes' }],
    [issuingPoint({ onlySomeReasons: true, indirect: true }), { onlySomeReasons: true, indirect: true }],
  ])('a scope %#', (point, scope) => {
    expect(crlOf({ extensions: [point] }).scope).toMatchObject(scope);
  });

  it('what is critical and unknown, in the CRL and in its entries; deltas', () => {
    const crl = crlOf({
      extensions: [extra(true), extra(false, '1.2.3')],
      revoked: [{ serial, extensions: [extra(true, '2.5.29.29'), extra(false, '1.2.3')] }],
    });
    expect(crl.unknownCritical).toEqual(['2.5.29.29', '1.3.6.1.4.1.55555.9']);
    expect(crlOf({ extensions: [extension('2.5.29.27', true, der.integer(1))] })).toMatchObject({ delta: true });
  });

  it('a large list without holding more than serial and place of each entry', () => {
    const revoked = Array.from({ length: 3000 }, (_, index) => ({
      serial: der.integer(index + 1).subarray(2),
      reason: 4,
    }));
    const crl = crlOf({ revoked });
    expect(crl.revoked.size).toBe(3000);
    expect(revocationOf(crl, der.integer(2999).subarray(2))).toMatchObject({ reason: 4 });
  });
});
