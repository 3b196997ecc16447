import { expect, it } from 'vitest';
import { judgeEnvironment } from '../../src/runtime/environment.ts';

it('refuses what can switch verification off', () => {
  const name = ['NODE', 'TLS', 'REJECT', 'UNAUTHORIZED'].join('_');
  expect(judgeEnvironment({ [name]: '0' }).refusals).toEqual([expect.stringContaining(name)]);
  expect(judgeEnvironment({ [name.toLowerCase()]: '0' }).refusals).toHaveLength(1);
  expect(judgeEnvironment({ [name]: '' }).refusals).toEqual([]);
});

it.each([
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'HTTPS_PROXY',
  'https_proxy',
  'NODE_PATH',
  'OPENSSL_CONF',
  'SSLKEYLOGFILE',
])('names %s and keeps it from workers', (name) => {
  const { refusals, warnings, workerEnv } = judgeEnvironment({ [name]: 'x', PATH: '/bin' });
  expect(refusals).toEqual([]);
  expect(warnings).toEqual([expect.stringMatching(new RegExp(`^${name} is set and ignored: .`))]);
  expect(workerEnv).toEqual({ PATH: '/bin' });
});

it('passes on no secret that happens to be there', () => {
  expect(judgeEnvironment({ AWS_SECRET_ACCESS_KEY: 's', TZ: 'UTC', HOME: undefined }).workerEnv).toEqual({ TZ: 'UTC' });
});
