import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runEnv, variablesOf } from '../../src/cli/env.ts';
import { parsePemBlocks } from '../../src/pki/x509/pem.ts';
import { describeWith } from '../support/tools.ts';
import { emptyPlace, installedPlace, type Place } from './place.ts';

let here: Place;
beforeAll(async () => {
  here = await installedPlace();
});
afterAll(() => here.remove());

const env = async (...argv: readonly string[]) => await here.run(runEnv, argv);
const FILES = { bundle: "/it's/b undle.pem", only: '/only.pem', java: '/a b/store' };

describe('env', () => {
  it.each([[['--shell', 'csh']], [['name']], [['--proxy', 'host']], [['--proxy', 'a b:1']], [['--shell']]])(
    'refuses %j',
    async (argv) => {
      expect((await env(...argv)).exit).toBe(2);
    },
  );

  it('says what to do without CA, or without a port', async () => {
    const empty = emptyPlace();
    writeFileSync(empty.path('a.yaml'), 'version: 1\n');
    expect((await empty.run(runEnv, ['-c', 'a.yaml'])).err).toMatch(
      /no CA.*\nnext: make one: pinwarden run -c a\.yaml\n/,
    );
    empty.remove();
    writeFileSync(here.path('config/b.yaml'), 'version: 1\nlisten: [{ address: 127.0.0.1, port: 0 }]\n');
    expect((await env('-c', 'config/b.yaml')).err).toContain('next: say where the proxy is: --proxy');
  });

  it('names every variable, and whether it adds or replaces', async () => {
    const { exit, out } = await env('--json');
    expect(exit).toBe(0);
    const { variables } = JSON.parse(out) as { variables: { name: string; effect: string }[] };
    const of = (effect: string) => variables.filter((one) => one.effect === effect).map(({ name }) => name);
    expect(of('routes')).toContain('NODE_USE_ENV_PROXY');
    expect(of('adds')).toEqual(['NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'DENO_CERT']);
    expect(of('replaces')).toEqual(
      expect.arrayContaining(['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'PIP_CERT', 'GIT_SSL_CAINFO']),
    );
  });

  it('points what replaces to a bundle with other roots and ours', async () => {
    await env();
    const blocks = (name: string) => {
      const parsed = parsePemBlocks(readFileSync(here.path('config/state', name), 'utf8'));
      if (!parsed.ok) throw new Error(parsed.why);
      return parsed.value.map(({ bytes }) => bytes.toString('base64'));
    };
    const [ours] = blocks('ca-only.pem');
    expect(blocks('ca-bundle.pem').length).toBeGreaterThan(50);
    expect(blocks('ca-bundle.pem').at(-1)).toBe(ours);
    expect(variablesOf('h:1', FILES).filter(({ effect }) => effect === 'replaces')[0]?.value).toBe(FILES.bundle);
  });

  it('reaches the proxy where clients can: the loopback of an unspecified address, or what --proxy says', async () => {
    writeFileSync(here.path('config/c.yaml'), 'version: 1\nlisten: [{ address: "::", port: 3129 }]\n');
    expect((await env('-c', 'config/c.yaml')).out).toContain("HTTPS_PROXY='http://[::1]:3129'");
    expect((await env('--proxy', 'http://proxy.corp:8080/')).out).toContain("https_proxy='http://proxy.corp:8080'");
  });

  it('quotes for each shell', async () => {
    const plain = (await env()).out;
    for (const shell of ['sh', 'bash', 'zsh']) expect((await env('--shell', shell)).out).toBe(plain);
    expect((await env('--shell', 'csh')).err).toContain('no syntax for "csh": sh, bash, zsh, fish, powershell');
    expect((await env('--shell', 'fish')).out).toContain("set -gx NODE_USE_ENV_PROXY '1'");
    expect((await env('--shell', 'powershell')).out).toContain("$env:NODE_USE_ENV_PROXY = '1'");
    const java = variablesOf('[::1]:3128', FILES).find(({ name }) => name === 'JAVA_TOOL_OPTIONS');
    expect(java?.value).toContain('-Djavax.net.ssl.trustStore="/a b/store"');
    expect(java?.value).toContain('-Dhttps.proxyHost=::1 -Dhttps.proxyPort=3128');
    expect(variablesOf('h:1', { ...FILES, java: null }).some(({ name }) => name === 'JAVA_TOOL_OPTIONS')).toBe(false);
  });
});

describeWith(['bash', 'fish'], 'shells', () => {
  it.each([
    ['bash', 'sh'],
    ['fish', 'fish'],
  ])('%s reads what is printed', async (shell, syntax) => {
    const { out } = await env('--shell', syntax);
    writeFileSync(here.path('vars'), out);
    const load = shell === 'bash' ? '. ./vars' : 'source vars';
    const said = execFileSync(shell, ['-c', `${load}; echo $SSL_CERT_FILE $no_proxy`], {
      cwd: here.dir,
      encoding: 'utf8',
    });
    expect(said).toBe(`${join(here.dir, 'config/state/ca-bundle.pem')} localhost,127.0.0.1,::1\n`);
  });
});
