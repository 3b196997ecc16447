/**
 * The first hour of the README as one walk: start, an own host, its rule by probe, the reload, an attacker, a browser.
 * Trust goes into an NSS store below a temporary HOME and nowhere else.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { curl, plainEnv, type Run, run } from '../support/client.ts';
import { type House, startHouse } from '../support/house.ts';
import { closeServer, eventually, listen, track } from '../support/sockets.ts';
import type { Issued } from '../support/test-ca.ts';
import { testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

// One test starts several programs one after the other.
vi.setConfig({ testTimeout: 90_000 });

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const HOST = 'shop.test';
/** What was there before. */
const OTHER = { name: 'other', match: ['other.test'], onFailure: 'alert' };
const pki = testPki();
const escaped = (text: string): string => text.replaceAll(/[+/]/g, '\\$&');
const open = new Set<Socket>();

describeWith(['curl', 'chromium', 'certutil'], 'a newcomer', () => {
  let server: Server;
  let house: House;
  let target: string;

  beforeAll(async () => {
    const leaf = pki.inter.issueLeaf({ dns: [HOST] });
    server = createServer({ key: leaf.keyPem, cert: leaf.chainPem }, (_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<p>the real shop</p>');
    });
    server.on('secureConnection', (socket: Socket) => track(open, socket));
    const port = await listen(server);
    // Both CAs are trusted, as of the hundred that a machine trusts: only a pin can tell them apart.
    const anchors = `${pki.root.pem}${pki.otherRoot.pem}`;
    house = await startHouse({ anchors, upstreams: [{ host: HOST, port }], rules: [OTHER] });
    target = `${HOST}:${port}`;
  });

  afterAll(async () => {
    expect(await house.stop()).toBe(0);
    await closeServer(server, open);
  });

  const pinwarden = async (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> =>
    await run(process.execPath, [MAIN, ...argv], { cwd: house.dir, env: plainEnv(env) });
  const visit = async () => await curl(house.port, house.caFile, '-v', `https://${target}/`);
  const serve = (leaf: Issued) => server.setSecureContext({ key: leaf.keyPem, cert: leaf.chainPem });

  it('is told that a private address needs a rule', async () => {
    expect((await visit()).stderr).toContain('403 pinwarden: address.denied');
  });

  it('gets a rule from probe, which the proxy takes over by itself', async () => {
    const probed = await pinwarden(['probe', target, '--anchors', 'anchors.pem', '--yaml', '-c', 'pinwarden.yaml']);
    expect(probed).toMatchObject({ exitCode: 0, stderr: '' });
    const rules = `${probed.stdout.replace('onFailure: alert', 'onFailure: block')}  - ${JSON.stringify(OTHER)}\n`;
    writeFileSync(join(house.dir, 'policy.yaml'), rules);
    expect(await pinwarden(['check', '-c', 'pinwarden.yaml'])).toMatchObject({ exitCode: 0 });
    await eventually('the rule is in force', async () => (await visit()).stdout.includes('the real shop'), 30_000);
  });

  it('sees a page in a browser that trusts the CA', async () => {
    const browser = openBrowser();
    try {
      const trusted = await pinwarden(['ca', 'trust', '-c', 'pinwarden.yaml'], {
        HOME: browser.home,
        TRUST_STORES: 'nss',
      });
      expect(trusted.stdout).toMatch(/^done +nss /);
      expect(trusted.stdout).not.toMatch(/system|\/cacerts/);
      expect(await browser.open(`https://${target}/`, house.port)).toContain('the real shop');
    } finally {
      browser.close();
    }
  }, 120_000);

  it('is protected from a certificate of another trusted CA, and told why', async () => {
    serve(pki.otherInter.issueLeaf({ dns: [HOST] }));
    const attacked = await visit();
    expect(attacked.exitCode).toBe(56);
    expect(attacked.stdout).not.toContain('shop');
    expect(attacked.stderr).toContain('502 pinwarden: pin.mismatch');
    const [, event = ''] = /event=([0-9a-f-]{36})/.exec(attacked.stderr) ?? [];
    const line = await house.verdictOf(event);
    expect(line).toMatchObject({ 'pinwarden.code': 'pin.mismatch', 'server.address': HOST });
    expect(readFileSync(join(house.dir, 'policy.yaml'), 'utf8')).toContain('Pinwarden Test Issuing');
    // What was found exactly is in the locker, a moment after the verdict.
    const kept = join(house.dir, 'state/evidence', `${String(line['pinwarden.evidence'])}.json`);
    await eventually('the chain is kept', () => existsSync(kept));
    const why = await pinwarden(['why', event.slice(0, 8), '-c', 'pinwarden.yaml']);
    expect(why).toMatchObject({ exitCode: 0, stderr: '' });
    expect(why.stdout).toContain(`block  ${target}\n          pin.mismatch: no key in the verified path`);
    // The key of the rule that probe wrote, and the attacker's issuer; the last good chain is the visit of before.
    expect(why.stdout).toMatch(
      new RegExp(`expected, any of\\n[\\s\\S]*${escaped(pki.inter.pin)}\\n +Pinwarden Test Issuing`),
    );
    expect(why.stdout).toMatch(new RegExp(`observed on the verified path[\\s\\S]*${escaped(pki.otherInter.pin)}`));
    expect(why.stdout).toMatch(/last good 20\d\d-.*CN=/);
    expect(why.stdout).toMatch(/fix [\s\S]*pinwarden evidence export [0-9a-f]{8}/);
    // Nothing to paste that would let the attacker in.
    expect(why.stdout).not.toMatch(/^\+ .*sha256/m);
    const page = await (await fetch(`http://127.0.0.1:${house.metricsPort}/`)).text();
    expect(page).toMatch(/<span class="code"[^>]*>pin\.mismatch/);
    expect(page).not.toContain(HOST);
  });
});
