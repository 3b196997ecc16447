import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { precertEntry, precertTbs, x509Entry } from '../../../src/pki/ct/precert.ts';
import { readDer } from '../../../src/pki/der/reader.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { ctPoison } from '../../support/extensions.ts';
import { authority, type Issued } from '../../support/test-ca.ts';

function parsed(issued: Issued): Certificate {
  const certificate = parseCertificate(issued.der);
  if (!certificate.ok) throw new Error(certificate.why);
  return certificate.value;
}

const root = authority({ cn: 'Root', at: '2026-06-01' });

describe('precertTbs', () => {
  it('gives back the bytes that were there before the list', () => {
    let before: Buffer = Buffer.alloc(0);
    const leaf = root.issueLeaf({
      dns: ['a.test'],
      sctList: (tbs) => {
        before = tbs;
        return Buffer.alloc(200, 1);
      },
    });
    expect(leaf.tbs.length).toBeGreaterThan(before.length + 200);
    expect(precertTbs(leaf.tbs).equals(before)).toBe(true);
  });

  it('takes out the poison as well', () => {
    const serial = Buffer.from([1]);
    const key = root.key;
    const plain = root.issueLeaf({ dns: ['a.test'], serial, key });
    const poisoned = root.issueLeaf({ dns: ['a.test'], serial, key, ctPoison: true });
    expect(precertTbs(poisoned.tbs).equals(plain.tbs)).toBe(true);
  });

  it('leaves out the field when no extension is left', () => {
    const bare = root.issueLeaf({
      ca: null,
      keyUsage: null,
      extendedKeyUsage: null,
      subjectKeyId: null,
      authorityKeyId: null,
      extensions: [ctPoison()],
    });
    const tags = readDer(precertTbs(bare.tbs), 4096, (reader) => {
      const fields = reader.sequence();
      const seen: number[] = [];
      for (; !fields.atEnd; fields.element()) seen.push(fields.peek());
      return seen;
    });
    expect(tags).toEqual({ ok: true, value: [0xa0, 0x02, 0x30, 0x30, 0x30, 0x30, 0x30] });
  });

  it('answers nothing for bytes that are no TBSCertificate', () => {
    expect(precertTbs(Buffer.from([0x30, 0x05, 0x00]))).toHaveLength(0);
    expect(precertTbs(Buffer.alloc(0))).toHaveLength(0);
  });
});

describe('entries', () => {
  const leaf = parsed(root.issueLeaf({ dns: ['a.test'] }));

  it('a precertificate names its issuer by the hash of the key', () => {
    const issuerKeyHash = createHash('sha256').update(root.spki).digest();
    expect(precertEntry(leaf, parsed(root))).toEqual({ type: 'precert', issuerKeyHash, tbs: leaf.tbs });
  });

  it('beside the certificate the entry is the certificate', () => {
    expect(x509Entry(leaf)).toEqual({ type: 'x509', certificate: leaf.der.bytes });
  });
});
