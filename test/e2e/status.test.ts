/**
 * The status page of a running proxy: the verdicts of real tunnels with the numbers of /metrics, nothing personal, and
 * in a real browser without a complaint, in light and dark, narrow and wide.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BadServer, startBadServer } from '../support/bad-servers.ts';
import { curl, run } from '../support/client.ts';
import { type Devtools, openDevtools } from '../support/devtools.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

const pki = testPki();
let house: House;
let servers: readonly BadServer[];

beforeAll(async () => {
  servers = await Promise.all([
    startBadServer('good', pki),
    startBadServer('other-trusted-ca', pki),
    startBadServer('private-root', pki),
  ]);
  const [good, other, rogue] = servers as [BadServer, BadServer, BadServer];
  const rule = (name: string, { host }: BadServer, onFailure: string) => ({
    name,
    match: [host],
    onFailure,
    pins: pinnedTo(pki.inter.pin),
    checks: { ct: 'off' },
  });
  house = await startHouse({
    anchors: pki.root.pem + pki.otherRoot.pem,
    upstreams: servers,
    rules: [rule('fine', good, 'block'), rule('renewed', other, 'alert'), rule('attacked', rogue, 'block')],
    workers: 2,
    // The set that ships grows old, and the page then rightly says so; what is looked at here has no age.
    config: { publicAnchors: ['anchors.pem'] },
  });
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  await Promise.all(servers.map(async (server) => server.close()));
});

const address = () => `http://127.0.0.1:${house.metricsPort}/`;

/** The number that stands under this title. */
function shown(page: string, title: string): number {
  const quoted = title.replaceAll('"', '&quot;').replaceAll(/[{}]/g, '\\$&');
  return Number(new RegExp(`title="${quoted}"[^>]*>[\\s\\S]*?<data value="(\\d+)"`).exec(page)?.[1]);
}

describeWith(['curl'], 'the status page', () => {
  it('shows what really happened, as /metrics counts it', async () => {
    for (const times of [3, 2, 1]) {
      const { host, port } = servers[3 - times]!;
      for (let time = 0; time < times; time += 1) await curl(house.port, house.caFile, `https://${host}:${port}/`);
    }
    const page = await (await fetch(address())).text();
    const metrics = await house.metrics();
    for (const [policy, verdict, count] of [
      ['fine', 'allow', 3],
      ['renewed', 'alert', 2],
      ['attacked', 'block', 1],
      ['fine', 'block', 0],
    ] as const) {
      expect(metrics.value('pinwarden_verdicts_total', { policy, verdict })).toBe(count);
      expect(shown(page, `pinwarden_verdicts_total{policy="${policy}",verdict="${verdict}"}`)).toBe(count);
    }
    for (const [verdict, count] of [
      ['allow', 3],
      ['alert', 2],
      ['block', 1],
    ] as const) {
      expect(shown(page, `pinwarden_verdicts_total{verdict="${verdict}"}`)).toBe(count);
    }
    expect(metrics.series).not.toContain('pinwarden_public_anchors_age_seconds');
    // As log and first screen count.
    expect(metrics.value('pinwarden_policies', { mode: 'terminate' })).toBe(3);
    expect(shown(page, 'pinwarden_policies')).toBe(3);
    expect(house.output()).toMatch(/^rules +3: /m);
    const series = { policy: 'attacked', code: 'chain.private-root' };
    expect(metrics.value('pinwarden_failing_hosts', series)).toBe(1);
    expect(shown(page, 'pinwarden_failing_hosts{policy="attacked",code="chain.private-root"}')).toBe(1);
    expect(page.indexOf('>attacked')).toBeLessThan(page.indexOf('>renewed'));
    expect(page.indexOf('>renewed')).toBeLessThan(page.indexOf('>fine'));
    expect(page).toContain('<p class="big">Detecting</p>');
  });

  it('names no host, no client and no address', async () => {
    const page = await (await fetch(address())).text();
    for (const { host, port } of servers) {
      expect(page).not.toContain(host);
      // As a number: longer ones and digests may have the same digits in them.
      expect(page).not.toMatch(new RegExp(`(?<![\\da-f])${port}(?![\\da-f])`));
    }
    expect(page).not.toMatch(/\b\d+\.\d+\.\d+\.\d+\b|CN=/);
  });

  it('is not read by another Host, and takes no other method', async () => {
    const rebound = await curlStatus('-H', 'Host: attacker.example', address());
    expect(rebound).toBe('421');
    expect(await curlStatus('-X', 'POST', address())).toBe('405');
    expect(await curlStatus('--head', address())).toBe('200');
  });
});

async function curlStatus(...args: readonly string[]): Promise<string> {
  return (await run('curl', ['--silent', '--output', '/dev/null', '--write-out', '%{http_code}', ...args])).stdout;
}

describeWith(['chromium'], 'the status page in a browser', () => {
  let browser: Devtools;
  beforeAll(async () => {
    browser = await openDevtools();
  });
  afterAll(async () => {
    await browser.close();
  });

  it.each([
    { scheme: 'light', width: 1400, ground: 'rgb(245, 246, 248)' },
    { scheme: 'dark', width: 1400, ground: 'rgb(15, 18, 22)' },
    { scheme: 'light', width: 360, ground: 'rgb(245, 246, 248)' },
    { scheme: 'dark', width: 360, ground: 'rgb(15, 18, 22)' },
  ] as const)('$scheme, $width px: styled, whole, without a complaint', async ({ scheme, width, ground }) => {
    const seen = await browser.see(address(), { scheme, width }, [
      'getComputedStyle(document.body).backgroundColor',
      'document.documentElement.scrollWidth <= innerWidth',
      'document.querySelectorAll("section").length',
    ]);
    expect(seen.complaints).toEqual([]);
    expect(seen.requests).toEqual([address()]);
    expect(seen.values).toEqual([ground, true, 7]);
    expect(seen.png.length).toBeGreaterThan(10_000);
  });

  it('a page that breaks its policy is complained of, so that silence means something', async () => {
    const seen = await browser.see(
      `data:text/html,<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><p style="color:red">x`,
      {
        scheme: 'light',
        width: 400,
      },
    );
    expect(seen.complaints.join()).toContain('Content Security Policy');
  });
});
