import { describe, expect, it } from 'vitest';
import { type FirstScreen, firstScreenJson, IN_CLONE, printFirstScreen } from '../../src/cli/first-screen.ts';
import { createScreen } from '../../src/cli/screen.ts';
import { loadConfig } from '../../src/policy/load.ts';
import { AT_MS, policyOf } from '../support/entries.ts';

function facts(fields: Partial<FirstScreen> = {}, config: object = {}): FirstScreen {
  const loaded = loadConfig(JSON.stringify({ version: 1, policies: [], ...config }), '/work-dir/config/pinwarden.yaml');
  if (!loaded.ok) throw new Error(loaded.mistakes[0]?.message);
  return {
    version: '1.2.3',
    nowMs: AT_MS,
    config: loaded.value,
    policy: policyOf([]),
    generation: 4,
    workers: 2,
    cwd: '/work-dir',
    command: IN_CLONE,
    screen: createScreen({ isTty: false, columns: 140, env: {} }),
    listening: ['127.0.0.1:3128'],
    metrics: '127.0.0.1:9464',
    selfTest: { ok: true, code: 'chain.private-root' },
    ca: { file: '/work-dir/config/ca.pem', sha256: 'ab'.repeat(32), notAfterMs: AT_MS, created: false },
    ...fields,
  };
}

const screen = (...args: Parameters<typeof facts>): string => printFirstScreen(facts(...args));

it('does not hide a self-test that failed', () => {
  const text = screen({ selfTest: { ok: false, why: 'answered with 200' } });
  expect(text).toContain('FAILED: answered with 200\n            next: npx --no pinwarden doctor\n');
});

it('names every rule that lowers the floor, with its end', () => {
  const unsafeFloor = { action: 'alert', reason: 'the vendor sleeps', until: '2026-12-01' };
  const policy = policyOf([{ name: 'old', match: ['old.example'], unsafeFloor }]);
  expect(screen({ policy })).toContain(
    'UNSAFE      rule old lets invalid upstreams through until 2026-12-01: the vendor sleeps',
  );
  const unsafeTls = { minVersion: '1.0', reason: 'no firmware', until: '2026-11-30' };
  const both = policyOf([{ name: 'box', match: ['box.example'], unsafeFloor, unsafeTls }]);
  expect(screen({ policy: both })).toContain(
    'UNSAFE      rule box accepts TLS 1.0 and later, legacy ciphers too, until 2026-11-30: no firmware',
  );
  expect(screen({ policy: both })).toContain('rule box lets invalid upstreams through');
});

it('announces no exception that has ended', () => {
  const ended = { reason: 'the vendor sleeps', until: '2026-12-01' };
  const policy = policyOf([
    { name: 'old', match: ['old.example'], unsafeFloor: { action: 'alert', ...ended } },
    { name: 'box', match: ['box.example'], unsafeTls: { minVersion: '1.0', ...ended } },
  ]);
  const nowMs = Date.parse('2026-12-01T00:00:00Z');
  expect(screen({ policy, nowMs: nowMs - 1 }).match(/UNSAFE/g)).toHaveLength(2);
  expect(screen({ policy, nowMs })).not.toContain('UNSAFE');
  expect(firstScreenJson(facts({ policy, nowMs }))).toMatchObject({ rules: { unsafe: [] } });
});

it('says what was proven, where things are, what blocks, and what to type', () => {
  const text = screen();
  expect(text).toContain('a rogue endpoint was blocked (chain.private-root)');
  expect(text).toContain('config/ca.pem  valid to 2026-03-01');
  expect(text).toMatch(/ {12}SHA-256 (AB:){31}AB\n/);
  expect(text).toContain('hosts that no rule names: terminate, failures block');
  expect(text).toContain('status page http://127.0.0.1:9464/\n            also /metrics /healthz /readyz /version\n');
  expect(text).toContain('curl -i -x http://127.0.0.1:3128 --cacert config/ca.pem https://');
  expect(text).toContain('\n  npx --no pinwarden probe YOUR-HOST\n');
  expect(text).toContain('(npx --no pinwarden why EVENT)');
  expect(text).toContain('\n  npm run demo\n');
  expect(text).not.toContain('nothing trusts it yet');
});

it('repeats -c in what is to be pasted', () => {
  const text = screen({ cwd: '/srv/ann', selfTest: { ok: false, why: 'x' } });
  for (const command of ['doctor', 'why EVENT', 'probe YOUR-HOST']) {
    expect(text).toContain(`pinwarden ${command} -c /work-dir/config/pinwarden.yaml`);
  }
  expect(screen({ cwd: '/srv/ann' }, { admin: { unix: 'admin.sock' } })).toContain(
    'pinwarden watch -c /work-dir/config/pinwarden.yaml',
  );
});

it('says that nothing trusts a new CA, and counts rules by what they do', () => {
  const rules = [
    { name: 'a', match: ['a.example'], onFailure: 'block' },
    { name: 'b', match: ['b.example'], onFailure: 'alert' },
    { name: 'c', match: ['c.example'], mode: 'bypass', reason: 'not TLS' },
  ];
  const ca = { file: '/elsewhere/ca.pem', sha256: 'ab'.repeat(32), notAfterMs: AT_MS, created: true };
  const text = screen({ policy: policyOf(rules), ca, metrics: null, workers: 1 }, { anchors: 'system' });
  expect(text).toContain('nothing trusts it yet');
  expect(text).toContain('rules       3: 1 block, 1 alert, 1 bypass');
  expect(text).toContain('--cacert /elsewhere/ca.pem');
  expect(text).toContain("a root of the system's store");
  expect(text).toContain('status page off, with the metrics');
  expect(text).toContain(': 1 worker,');
});

it('says when other hosts are denied, and when anchors are files', () => {
  const policy = { ...policyOf([]), unmatched: { action: 'deny' } as const };
  const text = screen({ policy }, { anchors: ['roots.pem'] });
  expect(text).toContain('hosts that no rule names: denied');
  expect(text).toContain('a root of the configured files');
});

it('fits 80 columns, with the fingerprint in two halves', () => {
  const ca = { file: '/work-dir/config/ca.pem', sha256: 'ab'.repeat(32), notAfterMs: AT_MS, created: true };
  const text = screen({ ca, screen: createScreen({ isTty: false, columns: 80, env: {} }) });
  for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  expect(text).toMatch(/SHA-256\n {12}(AB:){15}AB\n {12}(AB:){15}AB\n/);
});

it('calls its commands as they are called where it is installed', () => {
  const text = screen({ command: 'pinwarden' });
  expect(text).toContain('\n  pinwarden probe YOUR-HOST\n');
  expect(text).toContain('\n  pinwarden demo\n');
  expect(text).not.toMatch(/npx|npm/);
});

describe('for programs', () => {
  it('holds what the screen says', () => {
    const unsafeFloor = { action: 'alert', reason: 'the vendor sleeps', until: '2026-12-01' };
    const rules = [
      { name: 'a', match: ['a.example'], onFailure: 'block' },
      { name: 'b', match: ['b.example'], unsafeFloor },
      { name: 'c', match: ['c.example'], mode: 'bypass', reason: 'not TLS' },
    ];
    const made = firstScreenJson(
      facts({ policy: policyOf(rules) }, { admin: { address: '::1', port: 1, tokenFile: 't' } }),
    );
    expect(JSON.parse(JSON.stringify(made))).toEqual({
      version: '1.2.3',
      workers: 2,
      generation: 4,
      selfTest: { ok: true, code: 'chain.private-root' },
      proxy: ['127.0.0.1:3128'],
      ca: {
        file: '/work-dir/config/ca.pem',
        sha256: 'ab'.repeat(32),
        created: false,
        notAfter: '2026-03-01T00:00:00.000Z',
      },
      rules: { block: 2, alert: 0, bypass: 1, unsafe: ['b'] },
      unmatched: 'block',
      statusPage: 'http://127.0.0.1:9464/',
      metrics: 'http://127.0.0.1:9464/metrics',
      audit: '/work-dir/config/audit.ndjson',
      admin: 'http://[::1]:1',
    });
  });

  it('says null where nothing listens', () => {
    const policy = { ...policyOf([]), unmatched: { action: 'deny' } as const };
    const made = firstScreenJson(facts({ metrics: null, policy }));
    expect(made).toMatchObject({ statusPage: null, metrics: null, admin: null, unmatched: 'deny' });
  });
});
