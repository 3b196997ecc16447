/**
 * Timestamps, staples and CRLs through the running proxy, below roots that the operator made public: reply, metric and
 * audit line name the code, under rules that block and rules that alert.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Code } from '../../src/model/codes.ts';
import { CODES } from '../../src/model/codes.ts';
import { MIMIC_LOG_IDS } from '../../src/pki/ct/log-list.ts';
import { connectTo } from '../support/client.ts';
import { makeCrl } from '../support/crl-maker.ts';
import { embeddedScts, listBytes, sctList, testLog } from '../support/ct-log.ts';
import { type House, type RuleYaml, startHouse } from '../support/house.ts';
import { ocspResponse, type SingleSpec } from '../support/ocsp-responder.ts';
import { type StaplingOrigin, staplingOrigin } from '../support/stapling-origin.ts';
import { authority, type Issued, type Spec } from '../support/test-ca.ts';

const NOW_MS = Date.now();
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const root = authority({ cn: 'Public Root' });
const inter = root.issueCa({ cn: 'Public Issuing' });
const [one, two, oneMore] = [testLog({ operator: 'One' }), testLog({ operator: 'Two' }), testLog({ operator: 'One' })];

/** A log whose private key everybody has: signed by anybody, under its name. */
function mimicScts(): Spec['sctList'] {
  const ids = [...MIMIC_LOG_IDS].map((id) => Buffer.from(id, 'base64'));
  const scts = ids.map((id) => {
    const sct = testLog().sct({ type: 'x509', certificate: inter.der }, NOW_MS - DAY_MS);
    id.copy(sct, 1);
    return sct;
  });
  return sctList(...scts);
}

const logged = (...logs: (typeof one)[]): Spec => ({ sctList: embeddedScts(logs, NOW_MS - DAY_MS) });
const staple = (leaf: Issued, spec: Partial<SingleSpec> = {}): Buffer =>
  ocspResponse(inter, [{ certificate: leaf, ...spec }], { atMs: NOW_MS });
const stale = { thisUpdateMs: NOW_MS - 3 * DAY_MS, nextUpdateMs: NOW_MS - 2 * DAY_MS };

/** Below every limit on the life of public certificates, those to come as well (47 days from March 2029). */
const SHORT: Spec = { notBefore: NOW_MS - DAY_MS, notAfter: NOW_MS + 30 * DAY_MS };

interface Scene {
  readonly name: string;
  /** null: let through. */
  readonly code: Code | null;
  readonly spec: Spec;
  readonly staple?: (leaf: Issued) => Buffer;
  readonly checks?: Readonly<Record<string, string>>;
}

const CT = { ct: 'require' };
const SCENES: readonly Scene[] = [
  { name: 'no-scts', code: 'ct.no-scts', spec: {}, checks: CT },
  { name: 'one-operator', code: 'ct.not-diverse', spec: logged(one, oneMore), checks: CT },
  { name: 'one-log', code: 'ct.not-enough-scts', spec: logged(one), checks: CT },
  { name: 'unknown-logs', code: 'ct.no-known-log', spec: logged(testLog(), testLog()), checks: CT },
  { name: 'mimic-logs', code: 'ct.no-known-log', spec: { sctList: mimicScts() as Buffer }, checks: CT },
  { name: 'revoked-staple', code: 'staple.revoked', spec: {}, staple: (leaf) => staple(leaf, { status: 'revoked' }) },
  {
    name: 'stale-staple',
    code: 'staple.stale',
    spec: {},
    staple: (leaf) => staple(leaf, stale),
    checks: { staple: 'require' },
  },
  { name: 'no-staple', code: 'staple.missing', spec: {}, checks: { staple: 'require' } },
  { name: 'foreign-staple', code: 'staple.wrong-certificate', spec: {}, staple: () => staple(inter.issueLeaf({})) },
  { name: 'must-staple', code: 'staple.must-staple', spec: { tlsFeatures: [5] } },
  { name: 'on-the-crl', code: 'crl.revoked', spec: { serial: 4711 } },
  {
    name: 'all-good',
    code: null,
    spec: { ...logged(one, two), tlsFeatures: [5] },
    staple: (leaf) => staple(leaf),
    checks: { ct: 'require', staple: 'require', crl: 'require', publicRoot: 'require', lifetime: 'require' },
  },
];

const dir = mkdtempSync(join(tmpdir(), 'transparency-'));
const origins = new Map<string, StaplingOrigin>();
let house: House;

const hostOf = (scene: Scene, action: string): string => `${scene.name}.${action}.test`;

beforeAll(async () => {
  writeFileSync(join(dir, 'logs.json'), listBytes([one, two, oneMore], NOW_MS - DAY_MS));
  const revoked = [{ serial: Buffer.from([0x12, 0x67]) }];
  writeFileSync(join(dir, 'inter.crl'), makeCrl(inter, { atMs: NOW_MS, revoked }));
  for (const scene of SCENES) {
    const dns = ['block', 'alert'].map((action) => hostOf(scene, action));
    const leaf = inter.issueLeaf({ ...SHORT, ...scene.spec, dns });
    origins.set(scene.name, await staplingOrigin(leaf, scene.staple?.(leaf) ?? null));
  }
  house = await startHouse({
    anchors: root.pem,
    upstreams: SCENES.flatMap((scene) =>
      ['block', 'alert'].map((action) => ({ host: hostOf(scene, action), port: origins.get(scene.name)!.port })),
    ),
    rules: SCENES.flatMap((scene) => ['block', 'alert'].map((action) => ruleOf(scene, action))),
    config: {
      anchors: 'public',
      publicAnchors: ['anchors.pem'],
      ct: { logList: join(dir, 'logs.json') },
      crl: { files: [join(dir, 'inter.crl')] },
    },
  });
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  for (const origin of origins.values()) await origin.close();
  rmSync(dir, { recursive: true, force: true });
});

function ruleOf(scene: Scene, onFailure: string): RuleYaml {
  const checks = { ct: 'off', staple: 'if-present', crl: 'if-present', ...scene.checks };
  return { name: `${scene.name}-${onFailure}`, match: [hostOf(scene, onFailure)], onFailure, checks };
}

describe.each(['block', 'alert'])('onFailure: %s', (onFailure) => {
  it.each(SCENES.map(({ name, code }) => ({ name, code })))('$name: $code', async ({ name, code }) => {
    const scene = SCENES.find((one) => one.name === name)!;
    const origin = origins.get(name)!;
    const { reply, socket } = await connectTo(house.port, `${hostOf(scene, onFailure)}:${origin.port}`);
    socket.destroy();
    const isBlocked = code !== null && (onFailure === 'block' || CODES[code].floor);
    expect(reply.status).toBe(isBlocked ? 502 : 200);
    expect(origin.applicationBytes()).toBe(0);
    const labels = { policy: `${name}-${onFailure}` };
    if (code === null) {
      expect(reply.headers['proxy-status']).toBeUndefined();
      return;
    }
    const details = String(reply.headers['proxy-status']);
    expect(details).toContain(`${code} policy=${labels.policy} event=`);
    const verdict = isBlocked ? 'block' : 'alert';
    if (!isBlocked) return;
    const event = /event=([\w-]+)/.exec(details)![1]!;
    const line = await house.verdictOf(event);
    expect(line).toMatchObject({
      'pinwarden.code': code,
      'pinwarden.verdict': verdict,
      'pinwarden.rule': labels.policy,
    });
    const metrics = await house.metrics();
    expect(metrics.value('pinwarden_findings_total', { ...labels, code, action: verdict })).toBe(1);
  });
});

it('the age of the log list is a metric', async () => {
  const ageSeconds = (await house.metrics()).value('pinwarden_ct_log_list_age_seconds');
  expect(ageSeconds).toBeGreaterThan(DAY_MS / 1000 - 1);
  expect(ageSeconds).toBeLessThan(DAY_MS / 1000 + 3600);
});
