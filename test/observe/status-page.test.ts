import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { INSTRUMENTS } from '../../src/observe/instruments.ts';
import { statusFacts } from '../../src/observe/status-facts.ts';
import { statusPage } from '../../src/observe/status-page.ts';
import { STATUS_POLICY } from '../../src/observe/status-style.ts';
import { openDevtools } from '../support/devtools.ts';
import { closeServer, listen } from '../support/sockets.ts';
import { describeWith } from '../support/tools.ts';
import { HEALTHY, NOW_MS, NOW_SECONDS, type Point, READY, samplesOf } from './status-samples.ts';

const pageOf = (points: readonly Point[], ready: Record<string, boolean> = READY) =>
  statusPage(statusFacts(samplesOf(points), ready, NOW_MS));

const hostile = '"><img src=x onerror=alert(1)><script>';

const many = Array.from({ length: 200 }, (_, index) => `policy-${'x'.repeat(52)}-${index}`);
const full: readonly Point[] = many.flatMap((policy, index): readonly Point[] => [
  ['verdicts', { policy, verdict: 'block' }, index + 1],
  ['verdicts', { policy, verdict: 'allow' }, 1e15],
  ['findings', { policy, code: 'pin.mismatch', action: 'block' }, 5],
  ['findings', { policy, code: 'ct.no-scts', action: 'block' }, 5],
  ['findings', { policy, code: 'staple.missing', action: 'block' }, 5],
  ['findings', { policy, code: 'crl.missing', action: 'block' }, 5],
  ['lastEvent', { policy, action: 'block' }, NOW_SECONDS - index],
  ['failingHosts', { policy, code: 'pin.mismatch' }, 64],
  ['pinHits', { policy, pin: 'primary' }, 7],
  ['pinExpiry', { policy }, NOW_SECONDS - 1],
  ['upstreamCertExpiry', { policy }, NOW_SECONDS + index],
  ['overrideActive', { policy }, 1],
]);

describe('whatever a label holds', () => {
  it('is text on the page', () => {
    const page = pageOf([
      ...HEALTHY,
      ['buildInfo', { version: hostile, node: hostile, openssl: hostile }, 1],
      ['configHash', { sha256: hostile }, 1],
      ['verdicts', { policy: hostile, verdict: 'block' }, 1],
      ['policyInfo', { policy: hostile, on_failure: hostile }, 1],
      ['findings', { policy: hostile, code: hostile, action: 'block' }, 1],
      ['lastEvent', { policy: hostile, action: 'block' }, 1e300],
      ['failingHosts', { policy: hostile, code: hostile }, 1],
      ['pinHits', { policy: hostile, pin: 'primary' }, 1],
      ['pinFailures', { policy: hostile, reason: hostile }, 1],
      ['pinExpiry', { policy: hostile }, -1e300],
      ['caExpiry', { slot: hostile }, Number.NaN],
      ['tunnels', { mode: hostile, verdict: 'allow' }, 1],
      ['upstreamErrors', { reason: hostile }, 1],
      ['clientAlerts', { client: hostile, alert: hostile }, 1],
      ['overrideActive', { policy: hostile }, 1],
    ]);
    expect(page).not.toMatch(/<img|<script/);
    // Every quote of every tag is one that the page itself wrote.
    for (const [tag] of page.replace(/<style>.*<\/style>/s, '').matchAll(/<[a-z][^>]*>/g)) {
      expect(tag).toMatch(/^<[a-z0-9]+( [a-z-]+(="[^"<>]*")?)*>$/);
    }
  });

  it('clients are not named', () => {
    const page = pageOf([...HEALTHY, ['clientAlerts', { client: 'finance-team', alert: 'unknown_ca' }, 3]]);
    expect(page).toContain('unknown_ca');
    expect(page).not.toContain('finance-team');
  });
});

describe('a proxy that has done nothing yet', () => {
  it('says so instead of showing empty tables', () => {
    const page = pageOf(HEALTHY);
    expect(page).toContain('No policy and no verdict yet.');
    expect(page).toContain('No policy has pins.');
    expect(page).toContain('CT log list: none, so CT is absent');
    expect(page).toContain('<p class="big">Detecting</p>');
    expect(page).not.toMatch(/NaN|undefined|null|\[object/);
  });

  it('and one whose snapshot is empty is not called alive', () => {
    const page = pageOf([], { ...READY, serving: false });
    expect(page).toContain('<p class="big">Not proven to detect</p>');
    expect(page).toContain('No self-test has succeeded.');
    expect(page).toContain('no: serving');
    expect(page).not.toMatch(/NaN|undefined|null|\[object/);
  });
});

describe('size', () => {
  it('stays below 100 kB with 200 groups, and the page says how many it does not show', () => {
    const page = pageOf([...HEALTHY, ...full]);
    expect(Buffer.byteLength(page)).toBeLessThan(100_000);
    expect(page).toContain('and 175 more policies');
    expect(page).toContain('and 188 more pairs of policy and code');
    expect(page).toContain('and 188 more policies with pins');
    expect(page).toContain('1,000,000,000,000,000');
    expect(page).toContain('64</data> or more');
  });

  it('explains the groups that are none', () => {
    const page = pageOf([
      ['verdicts', { policy: '_other', verdict: 'block' }, 1],
      ['verdicts', { policy: '_none', verdict: 'error' }, 1],
    ]);
    expect(page).toContain('all groups above the limit');
    expect(page).toContain('refused before a rule was found');
  });
});

describe('every number', () => {
  it('carries its metric, as one types it into Grafana', () => {
    const page = pageOf([
      ...HEALTHY,
      ['verdicts', { policy: 'bank', verdict: 'block' }, 1234],
      ['findings', { policy: 'bank', code: 'pin.mismatch', action: 'block' }, 2],
      ['failingHosts', { policy: 'bank', code: 'pin.mismatch' }, 1],
      ['pinFailures', { policy: 'bank', reason: 'mismatch' }, 1],
    ]);
    expect(page).toContain('title="pinwarden_verdicts_total{policy=&quot;bank&quot;,verdict=&quot;block&quot;}"');
    expect(page).toContain('<data value="1234">1,234</data>');
    const text = page.replaceAll('<wbr>', '');
    for (const name of ['findings', 'failingHosts', 'pinFailures', 'selftest', 'generation', 'connections'] as const) {
      expect(text).toContain(INSTRUMENTS[name].name);
    }
  });

  it('links lead to the other routes and nowhere else', () => {
    const links = [...pageOf(HEALTHY).matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, to]) => to);
    expect(links).toEqual(['/metrics', '/healthz', '/readyz', '/version']);
    expect(pageOf(HEALTHY)).not.toMatch(/<script|<link|<img|style="| on[a-z]+="/);
  });
});

describeWith(['chromium'], 'with everything that it can hold', () => {
  it('fits a telephone, without a complaint', async () => {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.setHeader('content-security-policy', STATUS_POLICY);
      response.end(pageOf([...HEALTHY, ...full]));
    });
    const port = await listen(server);
    const browser = await openDevtools();
    try {
      const wide = ['document.documentElement.scrollWidth <= innerWidth'];
      const seen = await browser.see(`http://127.0.0.1:${port}/`, { scheme: 'dark', width: 360 }, wide);
      expect(seen).toMatchObject({ complaints: [], values: [true] });
    } finally {
      await browser.close();
      server.closeAllConnections();
      await closeServer(server);
    }
  });
});
