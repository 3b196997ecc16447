import { expect, it } from 'vitest';
import { dangerIn } from '../../src/runtime/node-options.ts';

it.each([
  ['--require ./hook.cjs', '--require', 'runs code'],
  ['-r ./hook.cjs', '-r', 'runs code'],
  ['--import=./hook.mjs', '--import', 'runs code'],
  ['--loader ./hook.mjs', '--loader', 'runs code'],
  ['--experimental-loader=./hook.mjs', '--experimental-loader', 'runs code'],
  ['--experimental_loader=./hook.mjs', '--experimental_loader', 'runs code'],
  ['--max-old-space-size=512 "--require=./a b.cjs"', '--require', 'runs code'],
  ['"--req\\uire=./hook.cjs"', '--require', 'runs code'],
  ['--eval 1', '--eval', 'runs code'],
  ['--env-file=.env', '--env-file', 'brings in what nobody checked'],
  ['--env-file-if-exists=.env', '--env-file-if-exists', 'brings in what nobody checked'],
  ['--inspect', '--inspect', 'opens the inspector'],
  ['--inspect=127.0.0.1:9239', '--inspect', 'opens the inspector'],
  ['--inspect-brk', '--inspect-brk', 'opens the inspector'],
  ['--inspect-port=1', '--inspect-port', 'opens the inspector'],
  ['--debug-port=1', '--debug-port', 'opens the inspector'],
  ['--no-disable-sigusr1', '--no-disable-sigusr1', 'opens the inspector'],
  ['--tls-keylog=keys', '--tls-keylog', 'writes the keys of TLS connections'],
  ['--tls-min-v1.0', '--tls-min-v1.0', 'changes TLS or what is trusted'],
  ['--tls-cipher-list=ALL', '--tls-cipher-list', 'changes TLS or what is trusted'],
  ['--openssl-config=o.cnf', '--openssl-config', 'changes TLS or what is trusted'],
  ['--openssl-legacy-provider', '--openssl-legacy-provider', 'changes TLS or what is trusted'],
  ['--use-system-ca', '--use-system-ca', 'changes TLS or what is trusted'],
  ['--use-openssl-ca', '--use-openssl-ca', 'changes TLS or what is trusted'],
  ['--use-bundled-ca', '--use-bundled-ca', 'changes TLS or what is trusted'],
  ['--insecure-http-parser', '--insecure-http-parser', 'changes how requests are parsed'],
  ['--heapsnapshot-signal=SIGHUP', '--heapsnapshot-signal', 'writes or prints internals'],
  ['--report-on-signal', '--report-on-signal', 'writes or prints internals'],
  ['--cpu-prof', '--cpu-prof', 'writes or prints internals'],
  ['--what-comes-next', '--what-comes-next', 'is not one of those that are known to be harmless'],
])('refuses %s', (text, flag, why) => {
  expect(dangerIn(text)).toEqual({ flag, why });
});

it.each([
  '',
  '   ',
  '--max-old-space-size=512',
  '--max_old_space_size=512',
  '--no-warnings --trace-warnings --enable-source-maps',
  '--disable-warning DEP0040 --disable-sigusr1',
  '"--title=--inspect is only a name"',
])('lets %j pass', (text) => {
  expect(dangerIn(text)).toBeNull();
});

it('ends on whatever it is given, and prints no more than a flag is long', () => {
  expect(dangerIn(`--${'x'.repeat(100_000)}=secret`)?.flag).toHaveLength(64);
  for (const text of ['"', '"\\', '"--inspect', '=', '-']) expect(() => dangerIn(text)).not.toThrow();
});

it('knows every flag of this Node, one way or the other', () => {
  for (const flag of process.allowedNodeEnvironmentFlags) {
    const found = dangerIn(flag);
    if (/keylog|inspect|require$|import$|loader$|openssl|-ca$/.test(flag) && !/^--no-(inspect|global)/.test(flag)) {
      expect(found, flag).not.toBeNull();
    }
  }
});
