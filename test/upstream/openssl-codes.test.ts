import { describe, expect, it } from 'vitest';
import { alertOf, handshakeProblem } from '../../src/upstream/openssl-codes.ts';

const error = (code: unknown) => Object.assign(new Error('text for people'), { code });

describe('handshakeProblem', () => {
  it.each([
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls.version', 70],
    ['ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY', 'tls.version', 71],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'tls.alert', 40],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'tls.alert', 40],
    ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'tls.alert', 120],
    ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'tls.alert', 112],
    ['ERR_SSL_TLSV1_ALERT_USER_CANCELLED', 'tls.alert', 90],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls.client-certificate-required', 116],
  ])('%s is %s', (code, meaning, alert) => {
    const problem = handshakeProblem(error(code), false);
    expect(problem.code).toBe(meaning);
    expect(problem.facts).toMatchObject({ reason: code, alert });
  });

  it.each([
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls.protocol'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'tls.version'],
    ['ERR_SSL_DH_KEY_TOO_SMALL', 'tls.version'],
    ['ERR_SSL_EXCESSIVE_MESSAGE_SIZE', 'chain.too-large'],
    ['ERR_SSL_TLSV1_NO_SUCH_ALERT', 'tls.protocol'],
    ['ERR_OSSL_ASN1_WRONG_TAG', 'chain.malformed'],
    ['ECONNRESET', 'tls.closed'],
    ['EPIPE', 'tls.closed'],
    ['ETIMEDOUT', 'tls.timeout'],
    ['something new', 'tls.protocol'],
    [undefined, 'tls.protocol'],
  ])('%s is %s', (code, meaning) => {
    expect(handshakeProblem(error(code), false).code).toBe(meaning);
    expect(handshakeProblem(error(code), true).code).toBe(meaning);
  });

  it('a refusal after a certificate was asked for is about the certificate', () => {
    for (const code of ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE']) {
      expect(handshakeProblem(error(code), true).code).toBe('tls.client-certificate-required');
    }
    expect(handshakeProblem(error('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR'), true).code).toBe('tls.alert');
  });

  it('what was thrown may be anything', () => {
    for (const thrown of [null, undefined, 'text', 7])
      expect(handshakeProblem(thrown, false).code).toBe('tls.protocol');
  });
});

describe('alertOf', () => {
  it('is null for codes that name no alert', () => {
    expect(alertOf('ERR_SSL_WRONG_VERSION_NUMBER')).toBeNull();
    expect(alertOf('ECONNRESET')).toBeNull();
  });
});
