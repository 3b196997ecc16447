/** The compose file as it reads, and its cast played on loopback with the real proxy. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { plainEnv, run } from '../support/client.ts';
import type { Compose } from '../support/compose-player.ts';
import { freePorts } from '../support/house.ts';
import { eventually } from '../support/sockets.ts';
import { ROOT, readDockerfile } from './dockerfile.ts';

const readYaml = (file: string): unknown => parse(readFileSync(join(ROOT, file), 'utf8'), { merge: true });
const { services, networks, volumes } = readYaml('docker/compose.yaml') as Compose;
const entries = Object.entries(services);

describe('docker/compose.yaml', () => {
  it('has everybody', () => {
    expect(Object.keys(services).sort()).toEqual(
      [
        'stage',
        'pinwarden',
        'good',
        'rotated',
        'attacked',
        'traffic',
        'prometheus',
        'alertmanager',
        'receiver',
        'grafana',
      ].sort(),
    );
  });

  it.each(entries)('%s has no privileges, a read-only root and a version', (_, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(service).not.toHaveProperty('privileged');
    if (service.build === undefined) expect(service.image).toMatch(/:v?\d+\.\d+\.\d+$/);
    else expect(readDockerfile().stages.map(({ name }) => name)).toContain(service.build.target);
    for (const port of service.ports ?? []) expect(port, 'loopback alone').toMatch(/^127\.0\.0\.1:/);
  });

  it.each(entries)('%s mounts what there is, and waits for what can answer', (_, service) => {
    for (const volume of service.volumes ?? []) {
      const [source = '', , mode] = volume.split(':');
      if (!source.startsWith('.')) expect(Object.keys(volumes)).toContain(source);
      else {
        expect(existsSync(join(ROOT, 'docker', source)), source).toBe(true);
        expect(mode).toBe('ro');
      }
    }
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      if (condition === 'service_completed_successfully') expect(services[name]?.command?.[0]).toContain('stage.ts');
      // The image of the proxy brings its own health check.
      else if (name !== 'pinwarden') expect(services[name]?.healthcheck?.test[0], name).toBe('CMD');
    }
    const script = service.command?.find((word) => word.endsWith('.ts'));
    if (script !== undefined) expect(existsSync(join(ROOT, script)), script).toBe(true);
  });

  it('leaves clients no way out but the proxy', () => {
    expect(services['traffic']?.networks).toEqual(['clients']);
    expect(networks['clients']).toEqual({ internal: true });
    const inside = entries.filter(([, { networks: of }]) => Array.isArray(of) && of.includes('clients'));
    expect(inside.map(([name]) => name).sort()).toEqual(['pinwarden', 'traffic']);
  });

  it('names the upstreams as the policy does, and stops no earlier than the drain does', () => {
    const text = readFileSync(join(ROOT, 'docker/demo/stage.ts'), 'utf8');
    for (const name of ['good', 'rotated', 'attacked']) {
      expect(services[name]?.networks).toEqual({ upstreams: { aliases: [`${name}.demo.test`] } });
      expect(text).toContain(`match: [${name}.demo.test]`);
    }
    const [, delayMs, timeoutMs] = /drainDelayMs: (\d+), drainTimeoutMs: (\d+)/.exec(text) ?? [];
    const graceS = Number.parseInt(services['pinwarden']?.stop_grace_period ?? '', 10);
    expect(graceS * 1000).toBeGreaterThan(Number(delayMs) + Number(timeoutMs) + 2000);
  });

  it('scrapes as the shipped configuration does, by other names', () => {
    const shipped = readFileSync(join(ROOT, 'docker/prometheus/prometheus.yml'), 'utf8')
      .replace('127.0.0.1:9464', 'pinwarden:9464')
      .replace('127.0.0.1:9093', 'alertmanager:9093');
    expect(readYaml('docker/demo/prometheus.yml')).toEqual(parse(shipped));
    const mounted = services['prometheus']?.volumes?.map((one) => one.split(':')[1]) ?? [];
    for (const file of (parse(shipped) as { rule_files: string[] }).rule_files) {
      expect(mounted).toContain(`/etc/prometheus/${file}`);
    }
    const grafana = readYaml('docker/grafana/provisioning/datasources/prometheus.yaml');
    expect(grafana).toMatchObject({ datasources: [{ url: 'http://prometheus:9090' }] });
    const provider = readYaml('docker/grafana/provisioning/dashboards/pinwarden.yaml') as {
      providers: { options: { path: string } }[];
    };
    expect(services['grafana']?.volumes).toContain(`./grafana/dashboards:${provider.providers[0]?.options.path}:ro`);
    expect(services['receiver']?.network_mode).toBe('service:alertmanager');
    expect(readFileSync(join(ROOT, 'docker/alertmanager/alertmanager.yml'), 'utf8')).toContain('127.0.0.1:9095/');
  });
});

describe('the cast', () => {
  const dir = mkdtempSync(join(tmpdir(), 'cast-'));
  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  function start(...words: readonly string[]): () => string {
    const child = spawn(process.execPath, words, { cwd: ROOT, env: plainEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return () => text;
  }

  const script = (name: string) => join(ROOT, 'docker/demo', name);

  it('plays: the good host is allowed, the rotated one alerted, the attacked one blocked', {
    timeout: 150_000,
  }, async () => {
    const staged = await run(process.execPath, [script('stage.ts'), dir]);
    expect(staged).toMatchObject({ exitCode: 0, stderr: '' });
    const [port = 0, metricsPort = 0, ...upstreamPorts] = await freePorts(5);
    const names = ['good', 'rotated', 'attacked'];
    const upstreams = names.map((name, index) =>
      start(script('upstream.ts'), join(dir, `upstreams/${name}.pem`), '127.0.0.1', String(upstreamPorts[index])),
    );
    for (const output of upstreams) {
      await eventually('an upstream listens', () => output().includes('on port'), 30_000);
    }
    const file = join(dir, 'proxy/pinwarden.yaml');
    // On one machine instead of a network of containers.
    const config = { ...(parse(readFileSync(file, 'utf8')) as object as Record<string, unknown>) };
    Object.assign(config, {
      listen: [{ address: '127.0.0.1', port }],
      metrics: { address: '127.0.0.1', port: metricsPort },
      state: join(dir, 'state'),
      audit: { file: join(dir, 'state/audit.ndjson') },
      egress: {
        ports: upstreamPorts,
        hosts: Object.fromEntries(names.map((name) => [`${name}.demo.test`, ['127.0.0.1']])),
      },
    });
    writeFileSync(file, JSON.stringify(config));
    const policy = join(dir, 'proxy/policies/demo.yaml');
    writeFileSync(policy, readFileSync(policy, 'utf8').replaceAll('10.0.0.0/8', '127.0.0.0/8'));
    const proxy = start(join(ROOT, 'src/main.ts'), 'run', '-c', file);
    await eventually('the proxy is ready', () => proxy().includes('try it'), 30_000);
    const ports = names.map((name, index) => `${name}=${upstreamPorts[index]}`).join(',');
    const traffic = await run(process.execPath, [
      script('traffic.ts'),
      `127.0.0.1:${port}`,
      join(dir, 'clients/ca.pem'),
      ports,
      '1',
    ]);
    const lines = traffic.stdout.trim().split('\n');
    expect(
      lines.filter((line) => line === 'good.demo.test 200 allowed'),
      traffic.stdout + proxy(),
    ).toHaveLength(5);
    expect(
      lines.filter((line) => line.startsWith('rotated.demo.test 200 pinwarden; details="pin.mismatch')),
    ).toHaveLength(2);
    expect(lines.filter((line) => /^attacked\.demo\.test 502 .*pin\.mismatch/.test(line))).toHaveLength(1);
  });

  it('sets the stage once, and keeps what is there', async () => {
    const before = readFileSync(join(dir, 'proxy/ca/tls.crt'), 'utf8');
    const { exitCode, stdout } = await run(process.execPath, [script('stage.ts'), dir]);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('already')]);
    expect(readFileSync(join(dir, 'proxy/ca/tls.crt'), 'utf8')).toBe(before);
  });

  it('prints what Alertmanager sends', { timeout: 60_000 }, async () => {
    const [port = 0] = await freePorts(1);
    const output = start(script('receiver.ts'), String(port));
    const send = async (body: string) =>
      fetch(`http://127.0.0.1:${port}/pager`, { method: 'POST', body }).then(
        ({ status }) => status,
        () => 0,
      );
    await eventually('it listens', async () => (await send('{')) === 400, 30_000);
    const alert = {
      status: 'firing',
      labels: { alertname: 'A', severity: 'critical' },
      annotations: { summary: 'blocked' },
    };
    expect(await send(JSON.stringify({ alerts: [alert] }))).toBe(200);
    await eventually('the line', () => output().includes('/pager firing critical A blocked\n'));
  });
});
