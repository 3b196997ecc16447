/** A CA that is replaced while clients use the proxy: nobody is cut, nothing half is signed with, no restart. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { curl, run, tunnel } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { echoOrigin, type Origin, webOrigin } from '../support/origins.ts';
import { eventually } from '../support/sockets.ts';
import { authority } from '../support/test-ca.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A worker that was started anew serves by then. */
const START_MS = 30_000;

let pki: TestPki;
let echo: Origin;
let web: Origin;
const houses: House[] = [];

beforeAll(async () => {
  pki = testPki();
  echo = await echoOrigin(pki.inter.issueLeaf({ dns: ['echo.test'] }));
  web = await webOrigin(pki.inter.issueLeaf({ dns: ['web.test'] }));
});

afterEach(async () => {
  for (const one of houses.splice(0)) expect(await one.stop()).toBe(0);
});

afterAll(async () => {
  await echo.close();
  await web.close();
});

async function start(config: Readonly<Record<string, unknown>> = {}, prepare?: (dir: string) => void): Promise<House> {
  const one = await startHouse({
    anchors: pki.root.pem,
    upstreams: [
      { host: 'echo.test', port: echo.port },
      { host: 'web.test', port: web.port },
    ],
    rules: [{ name: 'all', match: ['**.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } }],
    workers: 2,
    config,
    ...(prepare !== undefined && { prepare }),
  });
  houses.push(one);
  return one;
}

const at = (house: House, name: string) => join(house.dir, name);
const url = () => `https://web.test:${web.port}/`;

async function pinwarden(house: House, ...args: readonly string[]) {
  const ran = await run(process.execPath, [MAIN, ...args, '-c', at(house, 'pinwarden.yaml')], { cwd: house.dir });
  if (ran.exitCode !== 0) throw new Error(ran.stderr);
  return ran.stdout;
}

/** The certificates that the proxy hands out, in a file for `--cacert`. */
async function handedOut(house: House, name: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${house.port}/ca.pem`);
  const text = await answer.text();
  writeFileSync(at(house, name), text);
  return at(house, name);
}

const certificatesIn = (file: string) => readFileSync(file, 'utf8').match(/BEGIN CERTIFICATE/g)?.length ?? 0;

async function works(house: House, caFile: string): Promise<boolean> {
  const { exitCode } = await curl(house.port, caFile, '--output', '/dev/null', url());
  // 60: the peer's certificate cannot be authenticated with the CA that was given.
  expect([0, 60]).toContain(exitCode);
  return exitCode === 0;
}

/** Issuers of the leaves of new connections, as many as it takes for both workers to have served some. */
async function issuers(house: House): Promise<readonly string[]> {
  const sinceMs = Date.now();
  const seen = new Set<string>();
  await eventually(
    'both workers served',
    async () => {
      await Promise.all(Array.from({ length: 8 }, async () => seen.add(await issuerNow(house))));
      const verdicts = house.audit().filter((line) => line['event.action'] === 'verdict');
      const served = verdicts.filter((line) => Date.parse(String(line['@timestamp'])) >= sinceMs);
      return new Set(served.map((line) => line['pinwarden.worker'])).size === 2;
    },
    START_MS,
  );
  return [...seen];
}

async function issuerNow(house: House): Promise<string> {
  const socket = await tunnel(house.port, `echo.test:${echo.port}`, { rejectUnauthorized: false });
  const issuer = socket.getPeerX509Certificate()?.issuer ?? '';
  socket.destroy();
  return issuer;
}

/** When the newest line with `text` was written, milliseconds since the epoch; 0: never. */
function saidAt(house: House, text: string): number {
  const line = house
    .output()
    .split('\n')
    .findLast((one) => one.includes(text));
  return line === undefined ? 0 : Date.parse(line.slice(0, line.indexOf(' ')));
}

/** Sets `ca.next.signsFrom` about `leadMs` from now; answers when that is, and when the proxy had taken it. */
async function setSignsFrom(house: House, leadMs: number) {
  const generation = async () => (await house.metrics()).value('pinwarden_config_generation');
  const before = await generation();
  const file = at(house, 'pinwarden.yaml');
  const config = JSON.parse(readFileSync(file, 'utf8')) as object;
  const atMs = Math.ceil((Date.now() + leadMs) / 1000) * 1000;
  const text = new Date(atMs).toISOString().replace('.000Z', 'Z');
  writeFileSync(file, JSON.stringify({ ...config, ca: { next: { signsFrom: text } } }));
  process.kill(house.pid, 'SIGHUP');
  await eventually('it is taken', async () => (await generation()) > before);
  await eventually('it serves', async () => house.output().includes(`generation ${await generation()} serves`));
  return { atMs, text, takenMs: saidAt(house, ' serves: ') };
}

async function opened(house: House): Promise<TLSSocket> {
  const socket = await tunnel(house.port, `echo.test:${echo.port}`, { ca: readFileSync(house.caFile) });
  socket.on('error', () => undefined);
  return socket;
}

async function answers(socket: TLSSocket, message: string): Promise<boolean> {
  socket.write(message);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString() === message;
}

const isSuccessful = async (house: House) =>
  (await house.metrics()).value('pinwarden_config_last_reload_successful') === 1;
const expiry = async (house: House, slot: string) =>
  (await house.metrics()).value('pinwarden_ca_expiry_timestamp_seconds', { slot });
const dayOf = () => new Date().toISOString().slice(0, 10);
/** A CA lives for so long, to the second. */
const YEAR_SECONDS = 365 * 86_400;

/** Makes the next CA; answers its name, which holds the day of now. Midnight may be between this line and the next. */
async function rotated(house: House): Promise<string> {
  const days = [dayOf()];
  await pinwarden(house, 'ca', 'rotate');
  days.push(dayOf());
  const { subject } = new X509Certificate(readFileSync(at(house, 'next-ca.pem')));
  expect(days.map((day) => `CN=Pinwarden CA ${day}`)).toContain(subject);
  return subject;
}

describeWith(['curl', 'openssl'], 'the CA of a running proxy', () => {
  it('is replaced by `ca rotate` and `--promote`, and nobody who knows both notices', {
    timeout: 300_000,
  }, async () => {
    const house = await start();
    const old = at(house, 'old.pem');
    writeFileSync(old, readFileSync(house.caFile));
    const socket = await opened(house);
    expect(await issuers(house)).toEqual(['CN=Pinwarden CA']);
    expect(await expiry(house, 'next')).toBe(0);

    const currentEnds = await expiry(house, 'current');
    await eventually('a CA made now ends later', () => Date.now() / 1000 + YEAR_SECONDS >= currentEnds + 1);
    const name = await rotated(house);
    let both = '';
    await eventually('both are handed out', async () => {
      both = await handedOut(house, 'both.pem');
      return certificatesIn(both) === 2;
    });
    expect([await works(house, old), await works(house, both)]).toEqual([true, true]);
    expect(await issuers(house)).toEqual(['CN=Pinwarden CA']);
    const nextEnds = await expiry(house, 'next');
    expect(nextEnds).toBeGreaterThan(currentEnds);
    const info = JSON.parse(await pinwarden(house, 'ca', 'info', '--json')) as { signs: object };
    expect(info.signs).toEqual({ now: 'current', nextFrom: null, nextIs: 'waiting' });

    const before = house.pids();
    expect(await pinwarden(house, 'ca', 'rotate', '--promote')).toContain('takes it over by itself');
    await eventually('it is said', () => house.output().includes(`${name} signs from now on`));
    expect(await issuers(house), 'both workers').toEqual([name]);
    expect([await works(house, old), await works(house, both)]).toEqual([false, true]);
    expect(await works(house, await handedOut(house, 'new.pem'))).toBe(true);
    expect(certificatesIn(at(house, 'new.pem'))).toBe(1);
    expect([await expiry(house, 'current'), await expiry(house, 'next')]).toEqual([nextEnds, 0]);
    expect(await isSuccessful(house)).toBe(true);
    expect(await answers(socket, 'still here')).toBe(true);
    expect(house.pids(), 'nothing was started anew').toEqual(before);
    socket.destroy();
  });

  it('gives way to the next one at `signsFrom`, without a change of any file', { timeout: 300_000 }, async () => {
    const house = await start();
    const name = await rotated(house);
    const both = at(house, 'both.pem');
    writeFileSync(both, await pinwarden(house, 'ca', 'export'));
    await eventually('the next one is known', async () => (await expiry(house, 'next')) > 0);
    const later = await setSignsFrom(house, 3_600_000);
    const socket = await opened(house);
    expect([await works(house, house.caFile), await works(house, both)]).toEqual([true, true]);
    expect(await issuers(house)).toEqual(['CN=Pinwarden CA']);
    const info = await pinwarden(house, 'ca', 'info', '--json');
    expect(JSON.parse(info)).toMatchObject({ signs: { now: 'current', nextFrom: later.text } });

    // On a busy machine the reload may come after the date that was set: then once more, with more time.
    let turn = await setSignsFrom(house, 3_000);
    for (let leadMs = 6_000; turn.takenMs >= turn.atMs; leadMs *= 2) turn = await setSignsFrom(house, leadMs);
    await eventually('it is said', () => saidAt(house, 'signs from now on') >= turn.atMs, 60_000);
    expect(await issuers(house), 'both workers').toEqual([name]);
    expect([await works(house, house.caFile), await works(house, both)]).toEqual([false, true]);
    expect(certificatesIn(await handedOut(house, 'now.pem'))).toBe(2);
    expect(await expiry(house, 'current')).toBeGreaterThan(0);
    expect(await expiry(house, 'next'), 'none waits any more').toBe(0);
    expect(await answers(socket, 'still here')).toBe(true);
    socket.destroy();

    await pinwarden(house, 'ca', 'rotate', '--promote');
    await eventually('only one is left', async () => certificatesIn(await handedOut(house, 'now.pem')) === 1);
    expect(await works(house, both)).toBe(true);
    await eventually('the rest is said', () => house.output().includes('take signsFrom out of the file'));
  });

  it('stays when what lies there is not a whole pair, and says so', { timeout: 300_000 }, async () => {
    const house = await start();
    const key = at(house, 'ca-key.pem');
    const good = readFileSync(key);
    const other = authority({ cn: 'Brought CA' });
    const spoilt: readonly (readonly [string, () => void])[] = [
      ['does not belong to the CA certificate', () => writeFileSync(house.caFile, other.pem)],
      ['no readable private key', () => writeFileSync(key, good.subarray(0, 60))],
      ['chmod 600', () => chmodSync(key, 0o644)],
      ['no such file', () => rmSync(key)],
    ];
    const certificate = readFileSync(house.caFile);
    const known = at(house, 'known.pem');
    writeFileSync(known, certificate);
    for (const [why, spoil] of spoilt) {
      spoil();
      process.kill(house.pid, 'SIGHUP');
      await eventually(`${why} is said`, () => house.output().includes(why));
      await eventually('the metric says so', async () => !(await isSuccessful(house)));
      expect(await works(house, known), why).toBe(true);
      // A worker that is started anew meanwhile has the whole old pair, not what lies there.
      const victim = house.pids()[1]!;
      process.kill(victim, 'SIGKILL');
      await eventually('a new worker', () => house.pids().length === 3 && !house.pids().includes(victim));
      expect(await issuers(house), why).toEqual(['CN=Pinwarden CA']);
      rmSync(key, { force: true });
      writeFileSync(key, good, { mode: 0o600 });
      writeFileSync(house.caFile, certificate);
      process.kill(house.pid, 'SIGHUP');
      await eventually('all is well again', async () => await isSuccessful(house));
    }
    writeFileSync(house.caFile, other.pem);
    writeFileSync(key, other.keyPem);
    await eventually('the whole pair is taken', () => house.output().includes('CN=Brought CA signs from now on'));
    expect(await issuers(house)).toEqual(['CN=Brought CA']);
  });
});

describeWith(['curl', 'openssl'], 'a subordinate CA', () => {
  const root = authority({ cn: 'Corp Root' });
  const middle = root.issueCa({ cn: 'Corp Middle' });
  const sub = (cn: string) => middle.issueCa({ cn, pathLength: 0 });

  /** What the peer presented, leaf first, as PEM. */
  function sentTo(socket: TLSSocket): readonly string[] {
    const sent: string[] = [];
    for (let one = socket.getPeerX509Certificate(); one !== undefined; one = one.issuerCertificate) {
      if (one.subject !== 'CN=Corp Root') sent.push(one.toString());
    }
    return sent;
  }

  /** As Kubernetes mounts a Secret: `tls.crt` → `..data/tls.crt`, `..data` → a directory that a rename replaces. */
  function mount(directory: string, version: string, one: ReturnType<typeof sub>) {
    mkdirSync(join(directory, version), { recursive: true });
    writeFileSync(join(directory, version, 'tls.crt'), one.pem + middle.pem);
    writeFileSync(join(directory, version, 'tls.key'), one.keyPem, { mode: 0o600 });
    symlinkSync(version, join(directory, '..data_tmp'));
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  }

  it('is known by its root alone, and renewed by a swap of the mounted directory', { timeout: 300_000 }, async () => {
    const ca = { certificateFile: 'ca/tls.crt', keyFile: 'ca/tls.key', chainFile: 'ca/tls.crt', create: 'never' };
    const house = await start({ ca }, (dir) => {
      mount(join(dir, 'ca'), '..one', sub('Corp Sub 1'));
      for (const name of ['tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, join(dir, 'ca', name));
    });
    const rootFile = at(house, 'root.pem');
    writeFileSync(rootFile, root.pem);
    expect(await works(house, rootFile)).toBe(true);
    const socket = await tunnel(house.port, `echo.test:${echo.port}`, { ca: root.pem });
    const [leaf, ...above] = sentTo(socket);
    writeFileSync(at(house, 'leaf.pem'), leaf ?? '');
    writeFileSync(at(house, 'above.pem'), above.join(''));
    expect(above, 'the CA and what is above it, without the root').toHaveLength(2);
    const args = ['-CAfile', rootFile, '-untrusted', at(house, 'above.pem'), at(house, 'leaf.pem')];
    const { stdout, stderr } = await run('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', ...args]);
    expect(stdout + stderr).toMatch(/leaf\.pem: OK/);

    mount(join(house.dir, 'ca'), '..two', sub('Corp Sub 2'));
    await eventually('it is said', () => house.output().includes('CN=Corp Sub 2 signs from now on'));
    expect(await issuers(house)).toEqual(['CN=Corp Sub 2']);
    expect(await works(house, rootFile)).toBe(true);
    expect(await answers(socket, 'still here')).toBe(true);
    socket.destroy();
  });
});
