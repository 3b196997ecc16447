/** The clients people have, through the proxy, to nginx: curl, openssl, Node's fetch and Python, h1 and h2, EC and RSA. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { curl, plainEnv, run, sClient } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

const LARGE_BYTES = 1_000_000;

describe.each(['p256', 'rsa2048'] as const)('an nginx with a three-level %s chain', (key) => {
  describeWith(['nginx', 'curl', 'openssl', 'python3'], 'through the proxy', () => {
    let pki: TestPki;
    let nginx: Nginx;
    let house: House;
    let url: string;
    let authority: string;

    beforeAll(async () => {
      pki = testPki(key);
      nginx = await startNginx(pki.inter.issueLeaf({ dns: ['nginx.test'], key }), LARGE_BYTES);
      authority = `nginx.test:${nginx.port}`;
      url = `https://${authority}/`;
      house = await startHouse({
        anchors: pki.root.pem,
        upstreams: [{ host: 'nginx.test', port: nginx.port }],
        rules: [{ name: 'nginx', match: ['nginx.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } }],
      });
    });

    afterAll(async () => {
      expect(await house.stop()).toBe(0);
      await nginx.stop();
    });

    it.each([
      ['--http1.1', '1.1', 'nginx HTTP/1.1\n'],
      ['--http2', '2', 'nginx HTTP/2.0\n'],
    ])('curl %s stays %s', async (option, version, body) => {
      const { exitCode, stdout, stderr } = await curl(house.port, house.caFile, option, '-w', '%{http_version}', url);
      expect(stderr).toBe('');
      expect(stdout).toBe(`${body}${version}`);
      expect(exitCode).toBe(0);
    });

    it('curl gets a large body whole', async () => {
      const { stdout } = await curl(
        house.port,
        house.caFile,
        '-o',
        '/dev/null',
        '-w',
        '%{size_download}',
        `${url}large`,
      );
      expect(stdout).toBe(String(LARGE_BYTES));
    });

    it('openssl s_client verifies the minted chain', async () => {
      const { stdout, stderr } = await sClient(house.port, authority, house.caFile, '-verify_hostname', 'nginx.test');
      expect(`${stdout}${stderr}`).toContain('Verify return code: 0 (ok)');
      expect(stdout).toContain('nginx HTTP/1.1');
    });

    it.each(['-tls1_2', '-tls1_3'])('openssl s_client %s', async (option) => {
      const { stdout } = await sClient(house.port, authority, house.caFile, option);
      expect(stdout).toContain('nginx HTTP/1.1');
    });

    it('an old client that only knows RSA certificates', async () => {
      const cipher = ['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'];
      const { stdout } = await sClient(house.port, authority, house.caFile, ...cipher);
      expect(stdout).toContain('nginx HTTP/1.1');
      expect(stdout).toContain('ECDHE-RSA-AES128-GCM-SHA256');
    });

    it('fetch of Node, told by the environment', async () => {
      const script = `const r = await fetch(${JSON.stringify(url)}); process.stdout.write(await r.text());`;
      const env = plainEnv({
        NODE_USE_ENV_PROXY: '1',
        HTTPS_PROXY: `http://127.0.0.1:${house.port}`,
        NODE_EXTRA_CA_CERTS: house.caFile,
      });
      const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], { env });
      expect(stderr).toBe('');
      // Node 26 offers h2 first, older lines do not.
      expect(stdout).toMatch(/^nginx HTTP\/(1\.1|2\.0)\n$/);
    });

    it('urllib of Python, told by the environment', async () => {
      const script = `import urllib.request; print(urllib.request.urlopen(${JSON.stringify(url)}).read().decode(), end='')`;
      const env = plainEnv({ https_proxy: `http://127.0.0.1:${house.port}`, SSL_CERT_FILE: house.caFile });
      const { stdout, stderr } = await run('python3', ['-c', script], { env });
      expect(stderr).toBe('');
      expect(stdout).toBe('nginx HTTP/1.1\n');
    });

    it('a client that does not trust our CA is told by its own TLS, and we count its alert', async () => {
      const { exitCode } = await run('curl', ['-sS', '--proxy', `http://127.0.0.1:${house.port}`, url]);
      expect(exitCode).toBe(60);
    });

    it('every tunnel has a verdict and a close, and the pins were hit', async () => {
      const lines = house.audit();
      const verdicts = lines.filter((line) => line['event.action'] === 'verdict');
      expect(verdicts.length).toBeGreaterThan(0);
      expect(new Set(verdicts.map((line) => line['pinwarden.verdict']))).toEqual(new Set(['allow']));
      const hits = (await house.metrics()).value('pinwarden_pin_hits_total', { policy: 'nginx', pin: 'primary' });
      expect(hits).toBe(verdicts.length);
      expect(readFileSync(house.caFile, 'utf8')).toContain('BEGIN CERTIFICATE');
    });
  });
});
