import { describe, expect, it } from 'vitest';
import { MAX_PEM_CHARACTERS, parsePem, parsePemBlocks } from '../../../src/pki/x509/pem.ts';
import { authority, pem } from '../../support/test-ca.ts';

const root = authority();

describe('texts that are refused', () => {
  it.each([
    ['nothing', '', 'no PEM block'],
    ['no block', 'hello', 'no PEM block'],
    ['a key', pem('PRIVATE KEY', Buffer.from([1])), 'PRIVATE KEY is no certificate'],
    ['an OpenSSL trust certificate', pem('TRUSTED CERTIFICATE', root.der), 'TRUSTED CERTIFICATE is no certificate'],
    ['no end', root.pem.replace(/-----END.*/, ''), 'CERTIFICATE has no END'],
    ['no begin', root.pem.replace(/-----BEGIN.*\n/, ''), 'END CERTIFICATE without its BEGIN'],
    ['another end', root.pem.replace('END CERTIFICATE', 'END X509 CRL'), 'END X509 CRL without its BEGIN'],
    ['a begin within', root.pem.replace('-----END', '-----BEGIN X-----\n-----END'), 'BEGIN X inside of CERTIFICATE'],
    ['an empty block', pem('CERTIFICATE', Buffer.alloc(0)), 'CERTIFICATE is not base64'],
    ['a character of another alphabet', root.pem.replace(/\nM/, '\n_'), 'CERTIFICATE is not base64'],
    ['a header within', root.pem.replace('\n', '\nProc-Type: 4,ENCRYPTED\n'), 'CERTIFICATE is not base64'],
    ['lost padding', pem('CERTIFICATE', Buffer.from([1])).replace('==', ''), 'CERTIFICATE is not base64'],
    ['no DER', pem('CERTIFICATE', Buffer.from([1, 2, 3])), 'certificate 1: tag 0x1 where 0x30 was expected at byte 0'],
    ['too much', ' '.repeat(MAX_PEM_CHARACTERS + 1), `longer than ${MAX_PEM_CHARACTERS} characters`],
  ])('%s', (_what, text, why) => {
    expect(parsePem(text)).toMatchObject({ ok: false, why });
  });

  it('says which certificate of several, and where', () => {
    const bad = pem('CERTIFICATE', Buffer.from([0x30, 0x01, 0]));
    expect(parsePem(root.pem + bad)).toMatchObject({ ok: false, offset: root.pem.length });
  });
});

describe('texts that are read', () => {
  it('several certificates among other text, with either line end', () => {
    const other = authority({ cn: 'Other' });
    const parsed = parsePem(`# Root\r\n${root.pem.replaceAll('\n', '\r\n')}\nOther CA\n=======\n${other.pem}`);
    if (!parsed.ok) throw new Error(parsed.why);
    expect(parsed.value.map((certificate) => certificate.subject.text)).toEqual(['CN=Test Root', 'CN=Other']);
  });

  it('blocks of any label', () => {
    const text = pem('PUBLIC KEY', root.spki) + pem('X509 CRL', Buffer.from([1]));
    const parsed = parsePemBlocks(text);
    if (!parsed.ok) throw new Error(parsed.why);
    expect(parsed.value.map(({ label, bytes }) => [label, bytes])).toEqual([
      ['PUBLIC KEY', root.spki],
      ['X509 CRL', Buffer.from([1])],
    ]);
    expect(parsePemBlocks('')).toEqual({ ok: true, value: [] });
  });
});
