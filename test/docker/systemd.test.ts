/** The unit by systemd's own checks where they are, and against the configuration that goes with it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/policy/load.ts';
import { run } from '../support/client.ts';
import { describeWith } from '../support/tools.ts';
import { ROOT } from './dockerfile.ts';

const read = (name: string) => readFileSync(join(ROOT, 'docker/systemd', name), 'utf8');
const unit = read('pinwarden.service');
const settings = (key: string) => [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value ?? '');
const loaded = loadConfig(read('pinwarden.yaml'), '/etc/pinwarden/pinwarden.yaml');
const config = loaded.ok ? loaded.value : expect.fail(JSON.stringify(loaded.mistakes));

const dir = mkdtempSync(join(tmpdir(), 'unit-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('is hardened', () => {
  for (const line of [
    'ProtectSystem=strict',
    'NoNewPrivileges=yes',
    'LimitCORE=0',
    'CapabilityBoundingSet=',
    'PrivateTmp=yes',
    'ProtectHome=yes',
    'SystemCallFilter=@system-service',
    'SystemCallFilter=~@privileged @resources',
  ]) {
    expect(unit.split('\n')).toContain(line);
  }
  expect(unit, 'V8 compiles at run time').not.toMatch(/^MemoryDenyWriteExecute=yes/m);
});

it('waits for the drain, and signals the supervisor alone', () => {
  const { drainDelayMs, drainTimeoutMs } = config.limits;
  expect(Number(settings('TimeoutStopSec')[0]) * 1000).toBeGreaterThan(drainDelayMs + drainTimeoutMs + 5000);
  expect(settings('KillMode')).toEqual(['mixed']);
});

it('hands over the key, keeps the file from the service, and lets it write where the configuration says', () => {
  const [[name = '', file = ''] = []] = settings('LoadCredential').map((one) => one.split(':'));
  expect(config.ca.keyFile).toBe(`/run/credentials/pinwarden.service/${name}`);
  expect(settings('InaccessiblePaths')).toEqual([`-${file}`]);
  expect(config.ca.create).toBe('never');
  expect(config.state).toBe(`/var/lib/${settings('StateDirectory')[0]}`);
  expect(config.audit.file).toMatch(new RegExp(`^/var/log/${settings('LogsDirectory')[0]}/`));
  expect(read('pinwarden.logrotate')).toContain('/var/log/pinwarden/*.ndjson {');
  expect(read('pinwarden.sysusers')).toMatch(new RegExp(`^u ${settings('User')[0]} `, 'm'));
});

describeWith(['systemd-analyze'], 'systemd-analyze', () => {
  it('finds no mistake', async () => {
    const file = join(dir, 'pinwarden.service');
    writeFileSync(file, unit.replace('/opt/pinwarden/bin/node', process.execPath));
    const { exitCode, stdout, stderr } = await run('systemd-analyze', ['verify', file]);
    expect([exitCode, stdout, stderr]).toEqual([0, '', '']);
  });

  it('finds little to attack', async () => {
    const words = [
      'security',
      '--offline=true',
      '--no-pager',
      '--threshold=15',
      join(ROOT, 'docker/systemd/pinwarden.service'),
    ];
    const { exitCode, stdout } = await run('systemd-analyze', words);
    expect(exitCode, stdout).toBe(0);
  });
});
