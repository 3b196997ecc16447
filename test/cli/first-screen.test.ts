import { expect, it } from 'vitest';
import { type FirstScreen, printFirstScreen } from '../../src/cli/first-screen.ts';
import { loadConfig } from '../../src/policy/load.ts';
import { AT_MS, policyOf } from '../support/entries.ts';

function screen(fields: Partial<FirstScreen> = {}, config: object = {}): string {
  const loaded = loadConfig(JSON.stringify({ version: 1, policies: [], ...config }), '/work-dir/config/pinwarden.yaml');
  if (!loaded.ok) throw new Error(loaded.mistakes[0]?.message);
  return printFirstScreen({
    version: '1.2.3',
    config: loaded.value,
    policy: policyOf([]),
    generation: 4,
    workers: 2,
    cwd: '/work-dir',
    listening: ['127.0.0.1:3128'],
    metrics: '127.0.0.1:9464',
    selfTest: { ok: true, code: 'chain.private-root' },
    ca: { file: '/work-dir/config/ca.pem', sha256: 'ab'.repeat(32), notAfterMs: AT_MS, created: false },
    ...fields,
  });
}

it('does not hide a self-test that failed', () => {
  expect(screen({ selfTest: { ok: false, why: 'answered with 200' } })).toContain('FAILED: answered with 200');
});

it('names every rule that lowers the floor, with its end', () => {
  const unsafeFloor = { action: 'alert', reason: 'the vendor sleeps', until: '2026-12-01' };
  const policy = policyOf([{ name: 'old', match: ['old.example'], unsafeFloor }]);
  expect(screen({ policy })).toContain(
    'UNSAFE      rule old lets invalid upstreams through until 2026-12-01: the vendor sleeps',
  );
});

it('says what was proven, where things are, what blocks, and what to type', () => {
  const text = screen();
  expect(text).toContain('a rogue endpoint was blocked (chain.private-root)');
  expect(text).toContain('config/ca.pem  valid to 2026-03-01');
  expect(text).toContain('SHA-256 AB:AB:');
  expect(text).toContain('hosts that no rule names: terminate, failures block');
  expect(text).toContain('http://127.0.0.1:9464/metrics');
  expect(text).toContain('curl -x http://127.0.0.1:3128 --cacert config/ca.pem https://');
  expect(text).not.toContain('nothing trusts it yet');
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
  expect(text).toContain('metrics     off');
  expect(text).toContain(': 1 worker,');
});

it('says when other hosts are denied, and when anchors are files', () => {
  const policy = { ...policyOf([]), unmatched: { action: 'deny' } as const };
  const text = screen({ policy }, { anchors: ['roots.pem'] });
  expect(text).toContain('hosts that no rule names: denied');
  expect(text).toContain('a root of the configured files');
});
