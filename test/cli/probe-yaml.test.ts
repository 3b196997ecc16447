import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conclude, type Probed } from '../../src/cli/probe-facts.ts';
import { policyText, ruleLines } from '../../src/cli/probe-yaml.ts';
import { loadConfig, loadPolicy } from '../../src/policy/load.ts';
import type { AnchorsChoice } from '../../src/policy/policy.ts';
import { otherProxy } from '../support/connect-proxy.ts';
import { openRange, type Range } from './probe-support.ts';

const BAD = [
  'private-root',
  'expired-leaf',
  'wrong-host',
  'self-signed',
  'missing-intermediate',
  'broken-signature',
] as const;
let range: Range;
let anchors: AnchorsChoice;
beforeAll(async () => {
  range = await openRange('good', 'other-trusted-ca', 'plaintext', ...BAD);
  anchors = { files: [range.anchorsFile] };
});
afterAll(async () => await range.close());

const one = async (...names: readonly Parameters<Range['view']>[0][]): Promise<Probed> =>
  conclude(range.target(names[0]!), await Promise.all(names.map(async (name) => range.view(name))));
const home = { config: '/etc/pinwarden', policies: '/etc/pinwarden/policies' };
const rule = (probed: Probed, names = new Set<string>()) =>
  ruleLines(probed, { ...range.glass('file'), home }, anchors, names);

function load(lines: readonly (readonly string[])[]) {
  const config = loadConfig('version: 1\n', '/etc/pinwarden/pinwarden.yaml');
  if (!config.ok) throw new Error('config');
  const file = '/etc/pinwarden/policy.yaml';
  const text = policyText(lines, { seenOn: '2026-11-23', compared: false, home });
  return loadPolicy([{ path: file, owner: null, mayMatch: null, mayNot: [], file, text }], config.value);
}

describe('ruleLines', () => {
  it.each(BAD)('prints nothing of %s', async (name) => {
    const made = rule(await one(name));
    expect(made).toMatchObject({ ok: false, next: expect.stringMatching(/./) as string });
  });

  it('prints nothing of a host that was not reached, or that two ways show differently', async () => {
    expect(rule(await one('plaintext'))).toMatchObject({
      ok: false,
      why: expect.stringContaining('tls.protocol') as string,
    });
    const differing = rule(await one('good', 'other-trusted-ca'));
    expect(differing).toMatchObject({ ok: false, next: expect.stringContaining('intercepted') as string });
  });

  it('prints nothing of a good host when its root is not public and no anchors were named', async () => {
    const view = await range.view('good', 'public');
    expect(ruleLines(conclude('h', [view]), { ...range.glass('public'), home }, 'public', new Set()).ok).toBe(false);
  });

  it('pins the issuing CA and a backup that is another key, and loads', async () => {
    const made = rule(await one('good'));
    if (!made.ok) throw new Error(made.why);
    const policy = load([made.lines]);
    if (!policy.ok) throw new Error(JSON.stringify(policy.mistakes));
    const [first] = policy.value.rules;
    expect(first).toMatchObject({ name: 'good-test', onFailure: 'alert', allowPrivate: ['127.0.0.1/32'], anchors });
    const pins = first?.pins.anyOf.map(({ spkiSha256, backup, scope, name }) => [
      `sha256/${spkiSha256}`,
      backup,
      scope,
      name,
    ]);
    expect(pins).toEqual([
      [range.pki.inter.pin, false, 'ca', 'Pinwarden Test Issuing'],
      [range.pki.root.pin, true, 'ca', 'Pinwarden Test Root'],
    ]);
    expect(first?.match[0]).toMatchObject({ kind: 'exact', host: 'good.test', port: range.servers['good']?.port });
    // Enough keys to block as it stands.
    expect(load([made.lines.map((line) => line.replace('onFailure: alert ', 'onFailure: block '))]).ok).toBe(true);
  });

  it('gives each rule a name of its own, and no private range to what another proxy reached', async () => {
    const proxy = await otherProxy(range.servers['good']!.port);
    const via = { host: '127.0.0.1', kind: 'ipv4', port: proxy.port } as const;
    const names = new Set<string>();
    const views = [await range.view('good'), await range.view('good', 'file', via)];
    await proxy.close();
    const rules = [views.slice(0, 1), views].map((some) => rule(conclude('h', some), names));
    expect([...names]).toEqual(['good-test', 'good-test-2']);
    expect(rules[1]).toMatchObject({ ok: true });
    expect(JSON.stringify(rules[1])).not.toContain('allowPrivate');
  });

  it('names the shipped group that holds a key of the path', async () => {
    const key = range.pki.root.pin.slice('sha256/'.length);
    const pin = { spkiSha256: key, name: null, backup: false, expiresMs: null, onExpiry: 'block' };
    const group = { name: '@test', pins: [pin], place: { file: '', line: 1, column: 1 } };
    const groups = new Map([['@test', group as never]]);
    const made = ruleLines(await one('good'), { groups, home }, anchors, new Set());
    expect(JSON.stringify(made)).toContain('@test');
  });
});

it('names anchors by a path that holds on other machines, or says that it does not', async () => {
  const good = await one('good');
  const anchorsOf = (files: readonly string[]) => {
    const made = ruleLines(good, { ...range.glass('file'), home }, { files }, new Set());
    if (!made.ok) throw new Error(made.why);
    return made.lines.filter((line) => /anchors:|^ {4}#/.test(line));
  };
  expect(anchorsOf(['/srv/roots.pem'])).toEqual([
    expect.stringContaining('# a file of this machine'),
    '    anchors: ["/srv/roots.pem"]',
  ]);
  expect(anchorsOf(['/etc/pinwarden-old/roots.pem'])[1]).toContain('"/etc/pinwarden-old/roots.pem"');
  expect(anchorsOf(['/etc/pinwarden/roots.pem', '/etc/pinwarden/policies/own.pem'])).toEqual([
    expect.stringContaining('# relative to this file'),
    '    anchors: ["../roots.pem","own.pem"]',
  ]);
});

it('is known to editors among the policies, as the files that ship', () => {
  const [shipped] = readFileSync(new URL('../../config/policies/example.yaml', import.meta.url), 'utf8').split('\n');
  const first = (policies: string) =>
    policyText([], { seenOn: '2026-11-23', compared: false, home: { ...home, policies } }).split('\n')[0];
  expect(first(home.policies)).toBe(shipped);
  expect(first(home.config)).toBe('# yaml-language-server: $schema=policy.schema.json');
});

it('the file says how it was seen', () => {
  expect(policyText([], { seenOn: '2026-11-23', compared: true, home })).toContain('in two ways');
  expect(policyText([], { seenOn: '2026-11-23', compared: false, home })).toContain('one network only');
});
