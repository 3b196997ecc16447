/** More clients over https: wget, git, pip, Java's HttpClient, Chromium with real trust; http for Chromium as well. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { plainEnv, run } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { type Origin, plainOrigin } from '../support/origins.ts';
import { closeServer, listen, track } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

// One test starts several programs one after the other.
vi.setConfig({ testTimeout: 90_000 });

const pki = testPki();
const open = new Set<Socket>();
let dir: string;
let server: Server;
let plain: Origin;
let house: House;
let url: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pinwarden-clients-'));
  writeFileSync(join(dir, 'page.html'), '<title>page</title><p>over TLS</p>');
  const leaf = pki.inter.issueLeaf({ dns: ['files.test'] });
  server = createServer({ key: leaf.keyPem, cert: leaf.chainPem }, (request, response) => {
    try {
      const path = normalize(new URL(request.url ?? '/', 'https://files').pathname);
      if (path.endsWith('.html')) response.setHeader('content-type', 'text/html');
      response.end(readFileSync(join(dir, path)));
    } catch {
      response.writeHead(404).end();
    }
  });
  server.on('secureConnection', (socket: Socket) => track(open, socket));
  const port = await listen(server);
  plain = await plainOrigin();
  house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [
      { host: 'files.test', port },
      { host: 'plain.test', port: plain.port },
    ],
    rules: [
      { name: 'files', match: ['files.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } },
      { name: 'plain', match: ['plain.test'], checks: { ct: 'off' } },
    ],
  });
  url = `https://files.test:${port}`;
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  await closeServer(server, open);
  await plain.close();
  rmSync(dir, { recursive: true, force: true });
});

const proxy = () => `http://127.0.0.1:${house.port}`;
const env = (more: Readonly<Record<string, string>> = {}) => plainEnv({ HOME: dir, https_proxy: proxy(), ...more });

describeWith(['wget'], 'wget', () => {
  it('gets, and not without our CA', async () => {
    const args = ['-q', '-O', '-', `${url}/page.html`];
    expect((await run('wget', args, { env: env() })).exitCode).toBe(5);
    const got = await run('wget', [`--ca-certificate=${house.caFile}`, ...args], { env: env() });
    expect(got).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('over TLS') as string });
  });
});

describeWith(['git'], 'git', () => {
  it('clones a repository', async () => {
    const git = (...args: string[]) => execFileSync('git', args, { env: env(), stdio: 'pipe', cwd: dir });
    git('init', '-q', '-b', 'main', 'source');
    writeFileSync(join(dir, 'source', 'file'), 'carried\n');
    git('-C', 'source', 'add', 'file');
    const author = ['-c', 'user.name=a', '-c', 'user.email=a@files.test'];
    git('-C', 'source', ...author, 'commit', '-q', '-m', 'one');
    git('clone', '-q', '--bare', 'source', 'repository.git');
    git('-C', 'repository.git', 'update-server-info');
    const options = { env: env({ GIT_SSL_CAINFO: house.caFile }), cwd: dir };
    const cloned = await run('git', ['clone', '-q', `${url}/repository.git`, 'copy'], options);
    expect(cloned).toMatchObject({ exitCode: 0, stderr: '' });
    expect(readFileSync(join(dir, 'copy', 'file'), 'utf8')).toBe('carried\n');
  });
});

describeWith(['python3', 'pip'], 'pip', () => {
  it('downloads a wheel', async () => {
    const wheel = 'carried-1.0-py3-none-any.whl';
    const script = [
      'import sys, zipfile',
      'z = zipfile.ZipFile(sys.argv[1], "w")',
      'z.writestr("carried-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: carried\\nVersion: 1.0\\n")',
      'z.writestr("carried-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")',
      'z.writestr("carried-1.0.dist-info/RECORD", "")',
      'z.close()',
    ].join('\n');
    execFileSync('python3', ['-c', script, join(dir, wheel)]);
    // Isolated: no configuration of the machine is read, and no index is asked.
    const fixed = ['-m', 'pip', '--isolated', '--disable-pip-version-check', '--no-cache-dir', '--retries', '0'];
    const own = ['--proxy', proxy(), '--cert', house.caFile, 'download', '--no-deps', '--no-index', '-d', 'wheels'];
    const got = await run('python3', [...fixed, ...own, `${url}/${wheel}`], { env: env(), cwd: dir });
    expect(got, got.stderr).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(dir, 'wheels', wheel))).toEqual(readFileSync(join(dir, wheel)));
  });
});

describeWith(['java', 'keytool'], 'HttpClient of Java', () => {
  it('gets, with our CA in a key store of its own', async () => {
    const store = join(dir, 'trust.p12');
    const import_ = ['-importcert', '-noprompt', '-keystore', store, '-storepass', 'changeit', '-alias', 'ca'];
    execFileSync('keytool', [...import_, '-file', house.caFile], { stdio: 'ignore' });
    // A compiler and two Java machines: seconds when nothing else runs.
    const source = `
      import java.net.*; import java.net.http.*;
      public class Client { public static void main(String[] a) throws Exception {
        var proxy = ProxySelector.of(new InetSocketAddress("127.0.0.1", Integer.parseInt(a[1])));
        var client = HttpClient.newBuilder().proxy(proxy).build();
        var request = HttpRequest.newBuilder(URI.create(a[0])).build();
        System.out.print(client.send(request, HttpResponse.BodyHandlers.ofString()).body()); } }`;
    writeFileSync(join(dir, 'Client.java'), source);
    const trust = [`-Djavax.net.ssl.trustStore=${store}`, '-Djavax.net.ssl.trustStorePassword=changeit'];
    const argv = [...trust, join(dir, 'Client.java'), `${url}/page.html`, String(house.port)];
    const got = await run('java', argv, { env: env(), timeoutMs: 110_000 });
    expect(got, got.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('over TLS') as string });
  }, 150_000);
});

describeWith(['chromium', 'certutil'], 'Chromium', () => {
  it('shows an error until its store holds our CA, and then the page', async () => {
    const browser = openBrowser();
    try {
      expect(await browser.open(`${url}/page.html`, house.port)).not.toContain('over TLS');
      const database = `sql:${join(browser.home, '.pki/nssdb')}`;
      execFileSync('certutil', ['-A', '-d', database, '-t', 'C,,', '-n', 'ca', '-i', house.caFile]);
      expect(await browser.open(`${url}/page.html`, house.port)).toContain('over TLS');
      expect(await browser.open(`http://plain.test:${plain.port}/`, house.port)).toContain('hello http/1.1');
    } finally {
      browser.close();
    }
  }, 180_000);
});
