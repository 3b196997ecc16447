import { sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { anchorsKey } from '../../src/policy/policy.ts';
import { TrustError } from '../../src/runtime/crl-loader.ts';
import type { TrustMaterial } from '../../src/runtime/messages.ts';
import { buildTrust, checkTrust, logListTimeOf, parsePublicAnchors } from '../../src/runtime/trust-loader.ts';
import { listBytes, testLog } from '../support/ct-log.ts';
import { generateKey } from '../support/keys.ts';
import { authority } from '../support/test-ca.ts';

const FROZEN = readFileSync(new URL('../../config/anchors/public.json', import.meta.url), 'utf8');
const nothing = { recall: () => undefined, remember: () => undefined };
const memories = { signatures: nothing, certificates: nothing };
const root = authority({ cn: 'Corporate Root' });

function material(fields: Partial<TrustMaterial> = {}): TrustMaterial {
  const base = { publicAnchors: FROZEN, systemAnchors: null, anchorFiles: [], logList: null, crls: [], ownCas: [] };
  return { ...base, ...fields };
}

describe('the public set', () => {
  it.each([
    ['no JSON', 'x'],
    ['another shape', '{"date":"2026-11-23"}'],
    ['a list that holds something else', '{"date":"2026-11-23","sha256":"","certificates":[null]}'],
    ['no date', FROZEN.replace(/"date": "[^"]+"/, '"date": "soon"')],
    [
      'a certificate taken out',
      JSON.stringify({ ...JSON.parse(FROZEN), certificates: JSON.parse(FROZEN).certificates.slice(1) }),
    ],
    ['a certificate that cannot be parsed', FROZEN.replace(/"der": "MII/, '"der": "AAA')],
    ['a malformed distrust date', FROZEN.replace('"distrustAfter": null', '"distrustAfter": "later"')],
  ])('is refused with %s', (_what, text) => {
    expect(() => parsePublicAnchors(text)).toThrow(TrustError);
  });

  it('is whole, and the one of the pinned Node', () => {
    const { set, frozenAtMs } = parsePublicAnchors(FROZEN);
    expect(frozenAtMs).toBe(Date.parse('2026-11-23T00:00:00Z'));
    // On another Node the numbers may differ: then the set is still the frozen one.
    if (process.versions.node === '26.10.0') expect(set.anchors).toHaveLength(rootCertificates.length);
    expect(set.anchors.length).toBeGreaterThan(100);
  });
});

describe('a snapshot', () => {
  it.each([
    ['an anchor file that is no PEM', { anchorFiles: [{ file: '/roots.pem', text: 'x' }] }],
    ['a broken log list', { logList: '{}' }],
    ['a broken CRL', { crls: [{ file: '/a.crl', bytes: Buffer.from('x') }] }],
    ['a broken system store', { systemAnchors: '-----BEGIN CERTIFICATE-----\n' }],
  ])('is refused with %s', (_what, fields) => {
    expect(() => checkTrust(material(fields))).toThrow(TrustError);
  });

  it('holds no set for a choice that is not there, so nothing is trusted under it', () => {
    const trust = buildTrust(material(), ['system'], memories);
    expect(trust.systemAnchors).toBeNull();
    expect(trust.anchorSets.has('system')).toBe(false);
  });

  it('leaves out of the system store what cannot be parsed', () => {
    const bad = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const trust = buildTrust(material({ systemAnchors: root.pem + bad }), ['system'], memories);
    expect(trust.anchorSets.get('system')?.anchors).toHaveLength(1);
  });

  it('replaces the public set by files, and knows its own CA', () => {
    const choice = { files: ['/roots.pem'] };
    const own = authority({ cn: 'Own' });
    const files = [{ file: '/roots.pem', text: root.pem }];
    const trust = buildTrust(material({ anchorFiles: files, ownCas: [own.pem] }), [choice, choice], memories);
    const set = trust.anchorSets.get(anchorsKey(choice));
    expect(set?.anchors.map(({ certificate }) => certificate.subject.text)).toEqual([
      expect.stringContaining('Corporate'),
    ]);
    expect(trust.ownCaKeys.size).toBe(1);
    expect(trust.ownCas?.[0]?.spkiSha256).toBe([...trust.ownCaKeys][0]);
  });

  it('takes other roots for public when the operator says so', () => {
    const publicAnchorFiles = [{ file: '/public.pem', text: root.pem }];
    const trust = buildTrust(material({ publicAnchorFiles }), [], memories);
    expect(trust.publicAnchors.anchors.map(({ certificate }) => certificate.subject.text)).toEqual([
      'CN=Corporate Root',
    ]);
    expect(trust.anchorSets.get('public')).toBe(trust.publicAnchors);
  });

  it('takes a log list that is signed by the key of the operator, and none that is older than the one before', () => {
    const timestampMs = Date.parse('2026-06-01T00:00:00Z');
    const logList = listBytes([testLog()], timestampMs).toString();
    const { privateKey, publicKey } = generateKey();
    const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const signature = sign('sha256', Buffer.from(logList), privateKey);
    const signed = material({ logList, logListSigned: { signature, publicKeyPem } });
    expect(buildTrust(signed, [], memories).logList?.timestampMs).toBe(timestampMs);
    expect(logListTimeOf(signed)).toBe(timestampMs);
    expect(logListTimeOf(material())).toBeNull();
    const forged = { signature: Buffer.alloc(signature.length), publicKeyPem };
    expect(() => checkTrust({ ...signed, logListSigned: forged })).toThrow('the CT log list: signature: failed');
    expect(() => checkTrust(signed, timestampMs + 1)).toThrow('the CT log list: rollback');
    expect(() => checkTrust(signed, timestampMs)).not.toThrow();
  });

  it('carries what CT asks for', () => {
    const ct = { profile: { name: 'apple' }, maxListAgeMs: 1 } as const;
    expect(buildTrust(material({ ct }), [], memories).ct).toBe(ct);
    expect(buildTrust(material(), [], memories).ct).toBeUndefined();
  });

  it('refuses intermediates that are none', () => {
    expect(() => checkTrust(material({ intermediates: [{ file: '/i.pem', text: 'x' }] }))).toThrow('/i.pem');
  });

  it('has a name that changes with what is in it, and with nothing else', () => {
    const name = (fields: Partial<TrustMaterial>) => buildTrust(material(fields), [], memories).sha256;
    expect(name({})).toBe(name({}));
    expect(name({ systemAnchors: root.pem })).not.toBe(name({}));
    expect(name({ ownCas: [root.pem] })).not.toBe(name({}));
  });
});
