/**
 * The attack table. Whatever breaks the floor blocks under blocking and alerting rules alike; what only pins or the
 * public root can see is blocked or alerted as the rule says. Reply, metric and audit line name the same code, and a
 * blocked attacker has received no application byte.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Code } from '../../src/model/codes.ts';
import { type BadServer, type BadServerName, CATALOGUE, startBadServer } from '../support/bad-servers.ts';
import { curl, type Run } from '../support/client.ts';
import { type House, pinnedTo, type RuleYaml, startHouse } from '../support/house.ts';
import { eventually } from '../support/sockets.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

/** Blocked under any rule. A list: more than one code is right, and the reason stands beside. */
const FLOOR: Partial<Record<BadServerName, readonly Code[]>> = {
  'private-root': ['chain.private-root'],
  'expired-leaf': ['chain.expired'],
  'not-yet-valid': ['chain.not-yet-valid'],
  'wrong-host': ['identity.mismatch'],
  'cn-only': ['identity.no-san'],
  'self-signed': ['chain.self-signed'],
  'missing-intermediate': ['chain.incomplete'],
  // The issuing certificate is no CA, and its key may not sign: both are true.
  'leaf-as-ca': ['chain.invalid-ca', 'chain.key-usage'],
  'client-auth-only': ['chain.extended-key-usage'],
  'unknown-critical': ['chain.critical-extension'],
  'broken-signature': ['chain.signature'],
  'outside-constraints': ['chain.name-constraints'],
};

/** Valid chains that only pins find. */
const PINS: readonly BadServerName[] = [
  'other-trusted-ca',
  'forged-issuer',
  'forged-intermediate',
  'appended-pinned-ca',
];

/** Upstreams with which no handshake ends: nothing to judge, blocked as errors. */
const BROKEN: Partial<Record<BadServerName, readonly [number, readonly Code[]]>> = {
  'tls11-only': [502, ['tls.version', 'tls.alert']],
  'client-cert-required': [502, ['tls.client-certificate-required']],
  silent: [504, ['tls.timeout']],
  drip: [504, ['tls.timeout']],
  'reset-mid-handshake': [502, ['tls.closed', 'dial.failed']],
  'reset-after-certificate': [502, ['tls.closed', 'dial.failed']],
  'early-close': [502, ['tls.closed']],
  plaintext: [502, ['tls.protocol']],
};

/** They are given the whole time for a handshake, which is long enough for honest ones on a busy machine. */
const LATE: readonly BadServerName[] = ['silent', 'drip'];
const HANDSHAKE_TIMEOUT_MS = 8_000;

const names = Object.keys(CATALOGUE) as BadServerName[];

describe('the tables name the whole catalogue', () => {
  it('no attacker is left out', () => {
    const named = [...Object.keys(FLOOR), ...PINS, ...Object.keys(BROKEN), 'good', 'good-then-rogue'];
    expect(new Set(named)).toEqual(new Set(names));
  });
});

describeWith(['curl'], 'attackers', () => {
  describe.each(['block', 'alert'] as const)('under onFailure: %s', (onFailure) => {
    let pki: TestPki;
    let house: House;
    const servers = new Map<BadServerName, BadServer>();
    /** Asked before all others, so that nobody waits for them twice. */
    const late = new Map<BadServerName, Promise<Answer>>();

    beforeAll(async () => {
      pki = testPki();
      for (const name of names) servers.set(name, await startBadServer(name, pki));
      house = await startHouse({
        anchors: pki.root.pem + pki.otherRoot.pem,
        upstreams: [...servers.values()],
        rules: [...servers.values()].map((server) => ruleOf(server, pki, onFailure)),
        limits: { handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS },
      });
      for (const name of LATE) late.set(name, ask(name));
    });

    afterAll(async () => {
      expect(await house.stop()).toBe(0);
      for (const server of servers.values()) await server.close();
    });

    const ask = async (name: BadServerName) => {
      const server = servers.get(name)!;
      return read(await curl(house.port, house.caFile, '-v', `https://${server.host}:${server.port}/`));
    };
    const blockedIn = async (name: string) =>
      (await house.metrics()).value('pinwarden_verdicts_total', { policy: name, verdict: 'block' });

    it.each(Object.keys(FLOOR) as BadServerName[])('%s is blocked', async (name) => {
      const answer = await ask(name);
      expect(answer.status).toBe(502);
      expect(FLOOR[name]).toContain(answer.code);
      expect(servers.get(name)!.applicationBytes(), 'nothing reached the attacker').toBe(0);
      await agrees(name, answer, 'block');
    });

    it.each(PINS)('%s is found by the pins', async (name) => {
      const answer = await ask(name);
      const blocked = onFailure === 'block';
      expect(answer.status).toBe(blocked ? 502 : 200);
      expect(answer.code).toBe('pin.mismatch');
      expect(servers.get(name)!.applicationBytes() > 0).toBe(!blocked);
      if (!blocked) expect(answer.body).toBe(`${name}\n`);
      await agrees(name, answer, onFailure);
      const failures = (await house.metrics()).value('pinwarden_pin_failures_total', { policy: name });
      expect(failures).toBe(1);
    });

    it.each(Object.keys(BROKEN) as BadServerName[])('%s is an error, and no tunnel', async (name) => {
      const [status, codes] = BROKEN[name]!;
      const answer = await (late.get(name) ?? ask(name));
      expect(codes).toContain(answer.code);
      expect(answer.status).toBe(status);
      expect(servers.get(name)!.applicationBytes()).toBe(0);
      const line = await house.verdictOf(answer.event);
      expect(line['pinwarden.code']).toBe(answer.code);
    });

    it('good is let through', async () => {
      const answer = await ask('good');
      expect(answer.status).toBe(200);
      expect(answer.code).toBe('');
      expect(answer.body).toBe('good\n');
      expect(await blockedIn('good')).toBe(0);
    });

    it('good-then-rogue is let through once', async () => {
      expect((await ask('good-then-rogue')).body).toBe('good-then-rogue\n');
      const before = servers.get('good-then-rogue')!.applicationBytes();
      const answer = await ask('good-then-rogue');
      expect(answer.status).toBe(502);
      expect(answer.code).toBe('chain.private-root');
      expect(servers.get('good-then-rogue')!.applicationBytes()).toBe(before);
    });

    /** Reply header, metric and audit line tell the same story. */
    async function agrees(name: BadServerName, answer: Answer, verdict: 'block' | 'alert'): Promise<void> {
      const line = await house.verdictOf(answer.event);
      expect(line['pinwarden.code']).toBe(answer.code);
      expect(line['pinwarden.verdict']).toBe(verdict);
      expect(line['pinwarden.rule']).toBe(name);
      expect(line['network.peer.address']).toBe('127.0.0.1');
      const metrics = await house.metrics();
      expect(metrics.value('pinwarden_verdicts_total', { policy: name, verdict })).toBe(1);
      const found = metrics.value('pinwarden_findings_total', { policy: name, code: answer.code, action: verdict });
      expect(found).toBe(1);
      await eventually('a close line for what was carried', () => {
        const lines = house.audit().filter((one) => one['event.id'] === answer.event);
        return verdict === 'block' || lines.some((one) => one['event.action'] === 'close');
      });
    }
  });
});

describeWith(['curl'], 'the public root', () => {
  it.each(['block', 'alert'] as const)(
    'a private chain under publicRoot: require and onFailure: %s',
    { timeout: 90_000 },
    async (action) => {
      const pki = testPki();
      const server = await startBadServer('good', pki);
      const house = await startHouse({
        anchors: pki.root.pem,
        upstreams: [server],
        rules: [
          { name: 'public', match: ['good.test'], onFailure: action, checks: { publicRoot: 'require', ct: 'off' } },
        ],
      });
      const answer = read(await curl(house.port, house.caFile, '-v', `https://good.test:${server.port}/`));
      expect(answer.code).toBe('public-root.private');
      expect(answer.status).toBe(action === 'block' ? 502 : 200);
      expect(server.applicationBytes() > 0).toBe(action === 'alert');
      expect(await house.stop()).toBe(0);
      await server.close();
    },
  );
});

function ruleOf(server: BadServer, pki: TestPki, onFailure: string): RuleYaml {
  const pins = pinnedTo(pki.inter.pin);
  // Floor cases carry no pins, so that nothing but the floor can block them.
  const pinned = PINS.includes(server.name) || server.name === 'good' ? { pins } : {};
  return { name: server.name, match: [server.host], onFailure, checks: { ct: 'off' }, ...pinned };
}

interface Answer {
  /** Of the CONNECT. */
  readonly status: number;
  readonly code: string;
  readonly event: string;
  readonly body: string;
}

/** Reads what `curl -v` shows of the proxy's answer. */
function read({ stdout, stderr }: Run): Answer {
  const status = Number(/^< HTTP\/1\.1 (\d{3})/m.exec(stderr)?.[1] ?? 0);
  const details = /^< Proxy-Status: pinwarden.*details="([a-z.-]+) (?:policy=\S+ )?event=([\w-]+)"/im.exec(stderr);
  return { status, code: details?.[1] ?? '', event: details?.[2] ?? '', body: stdout };
}
