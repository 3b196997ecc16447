import { expect, it } from 'vitest';
import { opensslAgrees } from '../../src/verify/openssl.ts';

it('counts every refusal of OpenSSL, and no offline judgement', () => {
  expect(['accepted', 'none'].every(opensslAgrees)).toBe(true);
  // Nothing is overridden yet: a code that is listed needs a test with its chain here.
  for (const code of ['UNABLE_TO_GET_ISSUER_CERT', 'CERT_HAS_EXPIRED', 'CERT_SIGNATURE_FAILURE', '', 'ok']) {
    expect(opensslAgrees(code)).toBe(false);
  }
});
