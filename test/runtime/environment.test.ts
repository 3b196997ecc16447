import { expect, it } from 'vitest';
import { judgeEnvironment } from '../../src/runtime/environment.ts';

it('refuses what can switch verification off', () => {
  const name = ['NODE', 'TLS', 'REJECT', 'UNAUTHORIZED'].join('_');
  expect(judgeEnvironment({ [name]: '0' }).refusals).toEqual([expect.stringContaining(name)]);
  expect(judgeEnvironment({ [name.toLowerCase()]: '0' }).refusals).toHaveLength(1);
  expect(judgeEnvironment({ [name]: '' }).refusals).toEqual([]);
});

it.each([
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'HTTPS_PROXY',
  'https_proxy',
  'NODE_PATH',
  'SSLKEYLOGFILE',
])('names %s and keeps it from workers', (name) => {
  const { refusals, warnings, workerEnv } = judgeEnvironment({ [name]: 'x', PATH: '/bin' });
  expect(refusals).toEqual([]);
  expect(warnings).toEqual([expect.stringMatching(new RegExp(`^${name} is set and ignored: .`))]);
  expect(workerEnv).toEqual({ PATH: '/bin' });
});

it.each(['OPENSSL_CONF', 'OPENSSL_MODULES', 'OPENSSL_ENGINES'])('refuses %s, which brings modules', (name) => {
  expect(judgeEnvironment({ [name]: '/etc/ssl/other.cnf' })).toMatchObject({
    refusals: [expect.stringMatching(new RegExp(`^${name} is set: OpenSSL loads what it names .*; unset it$`))],
    warnings: [],
  });
});

it('refuses what NODE_OPTIONS would do to the process that holds the CA key, and says what to take out', () => {
  const { refusals, warnings, workerEnv } = judgeEnvironment({ NODE_OPTIONS: '--no-warnings --require ./hook.cjs' });
  expect(refusals).toEqual([
    'NODE_OPTIONS holds --require, which runs code in the process that holds the CA key; ' +
      'take it out, or unset NODE_OPTIONS',
  ]);
  expect(warnings).toEqual([]);
  expect(workerEnv).toEqual({});
});

it('names what NODE_OPTIONS does where it cannot hurt, truthfully', () => {
  expect(judgeEnvironment({ NODE_OPTIONS: '--max-old-space-size=512' })).toEqual({
    refusals: [],
    warnings: ['NODE_OPTIONS is set and holds for the supervisor, which carries no traffic; workers run without it'],
    workerEnv: {},
  });
});

it.each(['NODE_DEBUG', 'NODE_DEBUG_NATIVE', 'NODE_V8_COVERAGE', 'NODE_REDIRECT_WARNINGS', 'NODE_COMPILE_CACHE'])(
  'says what %s makes the supervisor do',
  (name) => {
    const { refusals, warnings, workerEnv } = judgeEnvironment({ [name]: 'tls' });
    expect(refusals).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(
        new RegExp(`^${name} is set: the supervisor (prints|writes|reads) .*; workers run without it`),
      ),
    ]);
    expect(workerEnv).toEqual({});
  },
);

it('passes on no secret that happens to be there', () => {
  expect(judgeEnvironment({ AWS_SECRET_ACCESS_KEY: 's', TZ: 'UTC', HOME: undefined }).workerEnv).toEqual({ TZ: 'UTC' });
});
