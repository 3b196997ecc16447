/**
 * A proxy that has just been started and that nobody uses raises nothing, not even a pending alert; hostile traffic
 * makes no label; a scrape works while it drains.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CODES } from '../../src/model/codes.ts';
import { CHECKS } from '../../src/model/outcome.ts';
import { FETCH_RESULTS, URL_STATES } from '../../src/runtime/fetcher.ts';
import { exchange } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { DOCKER, RULE_FILES } from '../support/mixin.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { eventually } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

/** Names that would break out of a label, a line or a page, or make a series each. */
const HOSTILE = ['a"} 1', 'x\\ny', '<script>', '$x', 'ü.test', '%00.test', 'policy="shop"', 'a'.repeat(250), '../..'];

/** Every word that a label of ours can be, but for versions and digests. */
const WORDS: ReadonlySet<string> = new Set([
  ...Object.keys(CODES),
  ...`quiet unmatched _none _other _mixed ci allow alert block error shadow active primary backup pass fail absent
      skipped terminate bypass none client upstream up down current next accepted partly refused crash stall
      worker locker subscriber verdict close mismatch denied expired chain identity pins publicRoot ct staple crl lifetime
      continuity clientCertificate unknown_ca bad_certificate certificate_unknown closed other`.split(/\s+/),
  '',
  'issuer',
  ...CHECKS,
  ...FETCH_RESULTS,
  ...URL_STATES,
]);
/** A worker that is busy answers within two seconds or is shown as it was; a scrape that takes longer than this is late. */
const SCRAPE_SECONDS = 3;
/** Of versions, digests and histograms. */
const FREE_LABELS: ReadonlySet<string> = new Set('version node openssl sha256 le'.split(' '));

describeWith(['prometheus'], 'a proxy that nobody uses', () => {
  let house: House;
  let origin: Origin;
  let prometheus: Prometheus;

  beforeAll(async () => {
    const pki = testPki();
    origin = await echoOrigin(pki.inter.issueLeaf({ cn: 'x"} 1\n#', dns: ['quiet.test'] }));
    house = await startHouse({
      anchors: pki.root.pem,
      upstreams: [{ host: 'quiet.test', port: origin.port }],
      rules: [{ name: 'quiet', match: ['quiet.test'], onFailure: 'block', pins: pinnedTo(pki.inter.pin) }],
      config: { clients: { ci: ['127.0.0.0/8'] } },
      workers: 2,
      // Time enough to see that it is not ready, and to scrape it then.
      limits: { drainDelayMs: 5000 },
    });
    prometheus = await startPrometheus(
      house.metricsPort,
      RULE_FILES.map((file) => `${DOCKER}/prometheus/${file}`),
      SCRAPE_SECONDS,
    );
  }, 90_000);

  afterAll(async () => {
    await prometheus.stop();
    await house.stop();
    await origin.close();
  });

  /** Saturated is left out: on a machine that does other things as well, its lag is true. */
  const alerts = async () =>
    (await prometheus.query('ALERTS{alertname!="PinwardenSaturated"}')).map(
      ({ metric }) => `${metric['alertname']} ${metric['alertstate']}`,
    );

  it('raises nothing, and nothing is pending, from its first scrape on', async () => {
    await eventually('a scrape', async () => (await prometheus.query('pinwarden_build_info')).length > 0, 20_000);
    // Prometheus itself knows no target before its first scrape; `for: 2m` waits for that.
    const down = async () => (await alerts()).filter((one) => one.startsWith('PinwardenDown'));
    await eventually('an evaluation after it', async () => (await down()).length === 0, 20_000);
    for (let scrape = 0; scrape < 4; scrape += 1) {
      expect(await alerts()).toEqual([]);
      await pause(SCRAPE_SECONDS * 1000);
    }
  }, 90_000);

  it('makes no label of what strangers send', async () => {
    const before = (await house.metrics()).series.length;
    for (const name of HOSTILE) {
      for (const head of [
        `CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}\r\n\r\n`,
        `CONNECT quiet.test:${origin.port} HTTP/1.1\r\nHost: quiet.test\r\nUser-Agent: ${name}\r\nX-Forwarded-For: ${name}\r\n\r\n`,
        `GET http://${name}/${name} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`,
        `${name} / HTTP/1.1\r\n\r\n`,
      ]) {
        const { socket } = await exchange(house.port, head);
        socket.destroy();
      }
    }
    const { series } = await house.metrics();
    for (const one of series.filter((text) => text.startsWith('pinwarden_'))) {
      const labels = /^\w+(?:\{(.*)\})?$/.exec(one)?.[1] ?? '';
      expect(labels.replaceAll(/\w+="(?:[^"\\]|\\.)*",?/g, ''), one).toBe('');
      for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
        if (!FREE_LABELS.has(label)) expect(WORDS.has(value), one).toBe(true);
      }
    }
    // Codes that occurred for the first time, each at most with its finding, its check and its event.
    expect(series.length - before).toBeLessThan(40);
  }, 60_000);

  it('is scraped while it drains, and is then gone', async () => {
    process.kill(house.pid, 'SIGTERM');
    const ready = async () =>
      await fetch(`http://127.0.0.1:${house.metricsPort}/readyz`).then(
        ({ status }) => status,
        () => 0,
      );
    await eventually('not ready', async () => (await ready()) === 503);
    expect((await house.metrics()).value('pinwarden_workers')).toBeGreaterThan(0);
    await eventually('gone', async () => (await ready()) === 0, 20_000);
    await eventually('the last line', () => house.output().includes('were cut'));
  }, 40_000);
});
