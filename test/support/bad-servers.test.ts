import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type BadServer, type BadServerName, CATALOGUE, startBadServer } from './bad-servers.ts';
import { socketBaseline } from './leaks.ts';
import { type TestPki, testPki } from './test-pki.ts';

/** What OpenSSL in Node says when it trusts both test roots: the catalogue must be wrong in the way its names say. */
const OPENSSL: Readonly<Record<BadServerName, string>> = {
  good: 'ok',
  'other-trusted-ca': 'ok',
  'forged-issuer': 'ok',
  'forged-intermediate': 'ok',
  'appended-pinned-ca': 'ok',
  'good-then-rogue': 'ok',
  'private-root': 'SELF_SIGNED_CERT_IN_CHAIN',
  'expired-leaf': 'CERT_HAS_EXPIRED',
  'not-yet-valid': 'CERT_NOT_YET_VALID',
  'wrong-host': 'ERR_TLS_CERT_ALTNAME_INVALID',
  // Node falls back to the common name; RFC 9525 does not.
  'cn-only': 'ok',
  'self-signed': 'DEPTH_ZERO_SELF_SIGNED_CERT',
  'missing-intermediate': 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'leaf-as-ca': 'key usage does not include certificate signing',
  'client-auth-only': 'INVALID_PURPOSE',
  'unknown-critical': 'unhandled critical extension',
  'broken-signature': 'CERT_SIGNATURE_FAILURE',
  'outside-constraints': 'permitted subtree violation',
  'tls11-only': 'alert protocol version',
  'client-cert-required': 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  silent: 'no answer',
  'reset-mid-handshake': 'ECONNRESET',
  'early-close': 'ECONNRESET',
  plaintext: 'EPROTO',
  drip: 'no answer',
  'reset-after-certificate': 'ECONNRESET',
};

let pki: TestPki;
beforeAll(() => {
  pki = testPki();
});

/** `silent` and `drip` never get there; all the others answer or fail, however busy the machine is. */
const quietMsOf = ({ name }: BadServer) => (OPENSSL[name] === 'no answer' ? 700 : 20_000);

async function verdict(server: BadServer): Promise<string> {
  const socket: TLSSocket = connect({
    host: '127.0.0.1',
    port: server.port,
    servername: server.host,
    ca: [pki.root.pem, pki.otherRoot.pem],
  });
  socket.write('GET / HTTP/1.1\r\n\r\n');
  const quiet = AbortSignal.timeout(quietMsOf(server));
  try {
    await once(socket, 'data', { signal: quiet });
    return 'ok';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ABORT_ERR' ? 'no answer' : `${code} ${message}`;
  } finally {
    socket.on('error', () => undefined);
    socket.destroy();
  }
}

describe('each upstream is wrong in the way its name says', () => {
  it.each(Object.keys(CATALOGUE) as BadServerName[])('%s', async (name) => {
    const released = socketBaseline();
    const server = await startBadServer(name, pki);
    const answer = await verdict(server);
    expect(answer).toContain(OPENSSL[name]);
    expect(server.applicationBytes() > 0).toBe(answer === 'ok');
    expect(server.connections()).toBe(1);
    await server.close();
    await released();
  });
});

it('good-then-rogue turns on the second connection', async () => {
  const server = await startBadServer('good-then-rogue', pki);
  expect(await verdict(server)).toBe('ok');
  expect(await verdict(server)).toContain('SELF_SIGNED_CERT_IN_CHAIN');
  await server.close();
});
