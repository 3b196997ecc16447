/**
 * The mixin on live data: a real proxy under traffic of every kind, a real Prometheus that scrapes it and evaluates
 * our rules, every panel's queries answered, and a picture of each dashboard.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BusyWorld, MANY, startBusyWorld } from '../support/busy-world.ts';
import { photograph } from '../support/chromium.ts';
import { exchange, plainEnv, run } from '../support/client.ts';
import { drawDashboard } from '../support/dashboard-page.ts';
import type { Metrics } from '../support/house.ts';
import { knownMetrics } from '../support/known-metrics.ts';
import {
  ALERTS,
  DASHBOARD_FILES,
  DOCKER,
  RECORDINGS,
  RULE_FILES,
  RUNBOOKS,
  readDashboard,
  shownPanels,
  substitute,
} from '../support/mixin.ts';
import { type Prometheus, type RuleState, startPrometheus } from '../support/prometheus.ts';
import { parseExpression } from '../support/promql.ts';
import { eventually } from '../support/sockets.ts';
import { describeWith } from '../support/tools.ts';

/** Panels that may have nothing to show on this traffic, with the reason. */
const MAY_BE_EMPTY: Readonly<Record<string, string>> = {};
const RECORDED = 'max_over_time((instance_policy_code_action:pinwarden_findings:increase5m > 0)[$__range:1m])';
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** What the graphs and totals show. */
const RANGE_SECONDS = 30;
/** Some scrapes and evaluations, on a machine that is busy. */
const SOON = { timeout: 60_000 };

describeWith(['prometheus', 'promtool'], 'dashboards and rules on live data', () => {
  let world: BusyWorld;
  let prometheus: Prometheus;
  let trust: string;
  let ended = false;
  let held = false;
  let round = Promise.resolve();
  let traffic: Promise<void>;

  beforeAll(async () => {
    world = await startBusyWorld();
    trust = readFileSync(world.house.caFile, 'utf8');
    prometheus = await startPrometheus(
      world.house.metricsPort,
      RULE_FILES.map((file) => `${DOCKER}/prometheus/${file}`),
    );
    await eventually('a scrape', async () => (await prometheus.query('pinwarden_build_info')).length > 0);
    traffic = (async () => {
      while (!ended) {
        if (!held) round = world.round(trust);
        await round;
        await pause(100);
      }
    })();
    await refuseReload();
    await killWorker();
    await eventually('rates', async () => await isBusy(), 60_000);
  }, 200_000);

  afterAll(async () => {
    ended = true;
    await traffic;
    await prometheus.stop();
    await world.close();
  });

  /** `body` while nobody asks for anything but itself. */
  async function alone(body: () => Promise<void>) {
    held = true;
    await round;
    await body().finally(() => {
      held = false;
    });
  }

  /** A policy with a mistake, and the right one again: both are in the history that the panels show. */
  async function refuseReload() {
    const { house, rules, policy } = world;
    house.writePolicy([...rules, { name: 'broken', match: ['no such.test'] }], policy);
    process.kill(house.pid, 'SIGHUP');
    await eventually('the refusal', async () => (await value('pinwarden_config_last_reload_successful')) === 0);
    house.writePolicy(rules, policy);
    process.kill(house.pid, 'SIGHUP');
    await eventually('the repair', async () => (await value('pinwarden_config_last_reload_successful')) === 1);
  }

  async function killWorker() {
    const before = await value('sum(pinwarden_verdicts_total)');
    process.kill(world.house.pids().at(-1) ?? 0, 'SIGKILL');
    await eventually('the restart', async () => (await value('sum(pinwarden_worker_restarts_total)')) === 1);
    await eventually('both workers', async () => (await value('pinwarden_workers')) === 2);
    expect(await value('sum(pinwarden_verdicts_total)')).toBeGreaterThanOrEqual(before);
  }

  async function isBusy() {
    const grown = await prometheus.query('sum(rate(pinwarden_pin_hits_total{pin="backup"}[20s])) > 0');
    const alerts = await prometheus.query('sum(increase(pinwarden_client_alerts_total[20s])) > 5');
    // Steps of a range lie on whole multiples of the step: what was recorded since the last one is not seen yet.
    const recorded = await prometheus.query(substitute(RECORDED, RANGE_SECONDS));
    return grown.length > 0 && alerts.length > 0 && recorded.length > 0;
  }

  async function value(expr: string) {
    return (await prometheus.query(expr))[0]?.points[0]?.[1] ?? Number.NaN;
  }

  it('promtool finds nothing wrong with what is scraped', async () => {
    const text = await (await fetch(`http://127.0.0.1:${world.house.metricsPort}/metrics`)).text();
    const result = await run('promtool', ['check', 'metrics'], { input: text });
    expect(result).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    const known = await knownMetrics();
    const names = new Set(
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => /^\w+/.exec(line)?.[0] ?? ''),
    );
    expect([...names].filter((name) => !known.has(name))).toEqual([]);
  });

  it('every rule is loaded and healthy', async () => {
    await eventually('an evaluation of each', async () =>
      (await prometheus.rules()).every(({ health }) => health !== 'unknown'),
    );
    const rules = await prometheus.rules();
    expect(rules.map(({ name }) => name).sort()).toEqual(
      [...RECORDINGS, ...ALERTS].map(({ record, alert }) => record ?? alert ?? '').sort(),
    );
    expect(rules.filter(({ health }) => health !== 'ok').map(({ name, lastError }) => `${name}: ${lastError}`)).toEqual(
      [],
    );
  });

  it.each(shownPanels())('$dashboard: $panel.title is answered', async ({ panel }) => {
    const answers = await Promise.all(
      (panel.targets ?? []).map(async ({ expr }) => await prometheus.query(substitute(expr, RANGE_SECONDS))),
    );
    for (const series of answers) {
      if (MAY_BE_EMPTY[panel.title] === undefined) expect(series).not.toEqual([]);
      for (const { points } of series) expect(points[0]?.[1], panel.title).not.toBeNaN();
    }
  });

  it('every series that an alert or a recording looks at has been there', async () => {
    const known = await knownMetrics();
    const metrics = new Set(
      [...ALERTS, ...RECORDINGS].flatMap(({ expr }) => parseExpression(expr).selectors.map((one) => one.metric)),
    );
    for (const metric of metrics) {
      const labels = [...(known.get(metric) ?? [])].map((label) => `${label}=~".*"`);
      const series = await prometheus.query(`${metric}{${labels.join()}}`);
      expect(series, metric).not.toEqual([]);
      for (const label of known.get(metric) ?? []) {
        expect(Object.keys(series[0]?.metric ?? {}).includes(label) || label === 'owner', `${metric} ${label}`).toBe(
          true,
        );
      }
    }
  });

  it('the alerts that this traffic must raise are raised, with their texts', async () => {
    const wanted = [
      'PinwardenInterceptionBlocked',
      'PinwardenInterceptionAllowed',
      'PinwardenUpstreamBecameInvalid',
      'PinwardenBackupPinInUse',
      'PinwardenRuleWouldBlock',
      'PinwardenClientsDistrustCa',
    ];
    const raised = async () =>
      (await prometheus.rules()).filter(({ alerts = [] }) => alerts.some(({ state }) => state === 'firing'));
    const whose = (rules: readonly RuleState[]) => {
      const { alerts = [] } = rules.find(({ name }) => name === 'PinwardenRuleWouldBlock') ?? {};
      return alerts.map(({ labels }) => `${labels['policy']} of ${labels['owner']}`).sort();
    };
    // Each alert comes when its series has grown between two scrapes, those of one rule too.
    await expect
      .poll(async () => {
        const rules = await raised();
        const names = rules.map(({ name }) => name);
        return { missing: wanted.filter((name) => !names.includes(name)), wouldBlock: whose(rules) };
      }, SOON)
      .toEqual({ missing: [], wouldBlock: ['old of payments', 'partner of payments'] });
    const rules = await raised();
    for (const { alerts = [] } of rules) {
      for (const { annotations } of alerts) {
        expect(`${annotations['summary']} ${annotations['description']}`).not.toMatch(/\{\{|<no value>|<error/);
      }
    }
  }, 90_000);

  it.each(RUNBOOKS)('$name: what it asks Prometheus is answered', async ({ expressions }) => {
    for (const expr of expressions) expect(await prometheus.query(expr), expr).toBeInstanceOf(Array);
  });

  it.each(RUNBOOKS.filter(({ commands }) => commands.length > 0))(
    '$name: its commands run',
    {
      timeout: 120_000,
    },
    async ({ commands }) => {
      const bin = join(world.house.dir, 'bin');
      mkdirSync(bin, { recursive: true });
      writeFileSync(join(bin, 'pinwarden'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, { mode: 0o755 });
      for (const command of commands) {
        const env = plainEnv({ PATH: `${bin}:${process.env['PATH']}` });
        const result = await run('bash', ['-euo', 'pipefail', '-c', command], { cwd: world.house.dir, env });
        expect(result, command).toMatchObject({ exitCode: 0 });
        // The traffic has blocks, alerts and clients that refused: what asks for them finds some.
        if (!command.includes('--verdict error')) expect(result.stdout.trim(), command).not.toBe('');
      }
    },
  );

  it('one rogue host and many are told apart', async () => {
    const { house } = world;
    await world.round(trust);
    const metrics = await house.metrics();
    const blocked = metrics.value('pinwarden_failing_hosts', { policy: 'shop', code: 'pin.mismatch' });
    expect(blocked).toBe(1);
    expect(metrics.value('pinwarden_failing_hosts', { policy: 'cdn', code: 'chain.private-root' })).toBe(1);
  });

  it('a hundred hosts make no series, and are many', async () => {
    const { house } = world;
    const ours = ({ series }: Metrics) => series.filter((one) => one.startsWith('pinwarden_')).sort();
    await alone(async () => {
      expect(await world.askForOneOfMany(0)).toBe(502);
      const before = ours(await house.metrics());
      for (let index = 1; index < MANY; index += 1) expect(await world.askForOneOfMany(index)).toBe(502);
      expect(ours(await house.metrics())).toEqual(before);
    });
    const after = await house.metrics();
    expect(after.value('pinwarden_failing_hosts', { policy: 'cdn', code: 'chain.private-root' })).toBe(64);
    await expect
      .poll(async () => (await prometheus.query('ALERTS{alertname="PinwardenManyHostsFailing"}')).length, SOON)
      .toBe(1);
  }, 90_000);

  it.each([
    ['GET /metrics/../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n', 404],
    ['GET /metrics%00 HTTP/1.1\r\nHost: localhost\r\n\r\n', 404],
    ['POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc', 405],
    ['CONNECT api.shop.test:443 HTTP/1.1\r\nHost: api.shop.test:443\r\n\r\n', 0],
    ['GET /metrics HTTP/1.1\r\nHost: attacker.test\r\n\r\n', 421],
    ['GET /metrics HTTP/1.1\r\n\r\n', 400],
    [`GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 0],
    ['\x16\x03\x01\x00\x05hello', 0],
  ])('%j is answered with %i, and scrapes go on', async (bytes, status) => {
    const before = bytes.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    const { reply, socket } = await exchange(world.house.metricsPort, before);
    socket.destroy();
    expect(reply.status).toBe(status);
    expect(reply.body).not.toContain('pinwarden_');
    expect((await world.house.metrics()).value('pinwarden_workers')).toBe(2);
  });

  describeWith(['chromium'], 'pictures', () => {
    it.each(DASHBOARD_FILES)(
      'of %s',
      async (file) => {
        const keep = process.env['PINWARDEN_PICTURES'];
        const dir = keep ?? mkdtempSync(join(tmpdir(), 'pinwarden-pictures-'));
        const picture = join(dir, file.replace('.json', '.png'));
        const page = await drawDashboard(readDashboard(file), prometheus, RANGE_SECONDS);
        expect(page.empty.filter((title) => MAY_BE_EMPTY[title] === undefined)).toEqual([]);
        await photograph(page.html, picture, page);
        const png = readFileSync(picture);
        expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([page.width, page.height]);
        expect(png.length).toBeGreaterThan(50_000);
        if (keep === undefined) rmSync(dir, { recursive: true, force: true });
      },
      120_000,
    );
  });

  it('a rule that is removed takes its series with it, and nobody else', async () => {
    const { house, rules, policy } = world;
    const had = await house.metrics();
    expect(had.series.filter((series) => series.includes('policy="watched"'))).not.toEqual([]);
    await house.reload(
      rules.filter(({ name }) => name !== 'watched'),
      policy,
    );
    const has = await house.metrics();
    expect(has.series.filter((series) => series.includes('policy="watched"'))).toEqual([]);
    const shop = { policy: 'shop', verdict: 'block' };
    expect(has.value('pinwarden_verdicts_total', shop)).toBeGreaterThanOrEqual(
      had.value('pinwarden_verdicts_total', shop),
    );
    await house.reload(rules, policy);
    expect((await house.metrics()).series).toContain('pinwarden_verdicts_total{policy="watched",verdict="alert"}');
  });
});
