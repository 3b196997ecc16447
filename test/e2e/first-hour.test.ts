/** The commands of the first hour as processes, against a running proxy: what they print is what clients then use. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type BadServer, startBadServer } from '../support/bad-servers.ts';
import { plainEnv, type Run, run } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

// One test starts several programs one after the other.
vi.setConfig({ testTimeout: 90_000 });

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const pki = testPki();
let good: BadServer;
let house: House;
beforeAll(async () => {
  good = await startBadServer('good', pki);
  house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [good],
    rules: [{ name: 'good', match: [`good.test:${good.port}`], pins: pinnedTo(pki.inter.pin) }],
  });
});
afterAll(async () => {
  await house.stop();
  await good.close();
});

const pinwarden = async (...argv: readonly string[]): Promise<Run> =>
  await run(process.execPath, [MAIN, ...argv], { cwd: house.dir, env: plainEnv() });
const url = () => `https://good.test:${good.port}/`;

describe('pinwarden', () => {
  it('refuses what is no command, with a guess', async () => {
    const unknown = await pinwarden('prob');
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stderr).toContain('did you mean: pinwarden probe');
    expect((await pinwarden()).exitCode).toBe(2);
    expect((await pinwarden('help', 'toString')).exitCode).toBe(2);
  });

  it('helps with all and with each', async () => {
    expect((await pinwarden('--help')).exitCode).toBe(0);
    const [one, other] = [await pinwarden('help', 'probe'), await pinwarden('probe', 'host', '--help')];
    expect(one.stdout).toContain('exit codes');
    expect(other).toEqual(one);
  });
});

describe('probe through our own proxy', () => {
  it('sees who is in the middle, and makes no rule of it', async () => {
    const direct = ['--resolve', 'good.test:127.0.0.1', '--anchors', 'anchors.pem', '-c', 'pinwarden.yaml'];
    const argv = ['probe', `good.test:${good.port}`, '--via', `127.0.0.1:${house.port}`, ...direct];
    const seen = await pinwarden(...argv);
    expect(seen.exitCode).toBe(1);
    expect(seen.stdout).toContain('chain.own-ca');
    expect(seen.stdout).not.toMatch(/sha256\/[A-Za-z0-9+/]{43}=/);
    expect(await pinwarden(...argv, '--yaml')).toMatchObject({ exitCode: 1, stdout: '' });
    expect((await pinwarden('probe', `good.test:${good.port}`, ...direct, '--yaml')).exitCode).toBe(0);
  });
});

describeWith(['curl', 'python3'], 'clients with the variables of env', () => {
  it.each([
    ['curl', (at: string) => `curl --silent --show-error --fail ${at}`],
    ['Python', (at: string) => `python3 -c "import urllib.request as u; print(u.urlopen('${at}').read().decode())"`],
    [
      'Node',
      (at: string) => `'${process.execPath}' -e "fetch('${at}').then(async (r) => console.log(await r.text()))"`,
    ],
  ])('%s: goes through the proxy and trusts its CA', async (_name, command) => {
    const variables = await pinwarden('env', '-c', 'pinwarden.yaml');
    expect(variables.exitCode).toBe(0);
    const before = house.audit().length;
    const done = await run('sh', ['-c', `${variables.stdout}\n${command(url())}`], { cwd: house.dir, env: plainEnv() });
    expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('good') as string });
    expect(house.audit().length).toBeGreaterThan(before);
    // Without them nobody resolves the name.
    expect((await run('sh', ['-c', command(url())], { env: plainEnv() })).exitCode).not.toBe(0);
  });
});
