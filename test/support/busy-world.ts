/**
 * A proxy with something of everything to show: allows, alerts, blocks by pin and by floor, backup pins, clients that
 * do not know the CA, upstreams that are gone, a lowered floor, pins that expire. The real `run`, real upstreams.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBadServer } from './bad-servers.ts';
import { connectTo, exchange, tunnel } from './client.ts';
import { listBytes, testLog } from './ct-log.ts';
import { freePorts, type House, type Reachable, type RuleYaml, startHouse } from './house.ts';
import { echoOrigin } from './origins.ts';
import { testPki } from './test-pki.ts';

export interface BusyWorld {
  readonly house: House;
  readonly rules: readonly RuleYaml[];
  readonly policy: Readonly<Record<string, unknown>>;
  /** One round of traffic of every kind; `trust` is the PEM of the proxy's CA. */
  round(trust: string): Promise<void>;
  /** Asks for the n-th of many names that an inspecting machine answers for, and goes. */
  askForOneOfMany(index: number): Promise<number>;
  close(): Promise<void>;
}

/** More than the metrics may show one by one. */
export const MANY = 100;
const DAY_MS = 86_400_000;
const day = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
/** A key that nobody uses. */
const IN_THE_SAFE = `sha256/${Buffer.alloc(32, 7).toString('base64')}`;

export async function startBusyWorld(): Promise<BusyWorld> {
  const pki = testPki();
  const dir = mkdtempSync(join(tmpdir(), 'pinwarden-busy-'));
  const logList = join(dir, 'log-list.json');
  writeFileSync(logList, listBytes([testLog()], Date.now() - 20 * DAY_MS));
  const good = pki.inter.issueLeaf({ dns: ['api.shop.test', 'watched.test', 'spare.test', 'raw.test', 'old.test'] });
  const origin = await echoOrigin(good);
  const names = [
    'other-trusted-ca',
    'forged-issuer',
    'private-root',
    'self-signed',
    'expired-leaf',
    'wrong-host',
    'missing-intermediate',
  ];
  const bad = await Promise.all(names.map((name) => startBadServer(name as 'private-root', pki)));
  const [gonePort = 0] = await freePorts(1);
  const at = (host: string, port = origin.port): Reachable => ({ host, port });
  const gone = at('gone.test', gonePort);
  const served = ['api.shop.test', 'watched.test', 'spare.test', 'raw.test'].map((host) => at(host));
  const forged = pki.rogueInter.issueLeaf({ dns: ['*.many.test'] });
  const inspector = await echoOrigin({ keyPem: forged.keyPem, chainPem: forged.chainPem + pki.rogueRoot.pem });
  const many = Array.from({ length: MANY }, (_, index) => at(`host-${index}.many.test`, inspector.port));
  const policy = { pinGroups: pinGroups(pki.inter.pin) };
  const rules = rulesOf();
  const house = await startHouse({
    anchors: pki.root.pem + pki.otherRoot.pem,
    upstreams: [...served, ...bad, ...many, gone],
    rules,
    policy,
    workers: 2,
    // Each round mints anew: minting is something that goes on, not something that was.
    limits: { leaves: 1 },
    config: {
      clients: { ci: ['127.0.0.0/8'] },
      ct: { logList },
      policies: [{ path: 'policy.yaml', owner: 'payments' }],
    },
  });
  const ask = async ({ host, port }: Reachable, ca: string | null) => {
    const options = ca === null ? {} : { ca, checkServerIdentity: () => undefined };
    const socket = await tunnel(house.port, `${host}:${port}`, options).catch(() => null);
    if (socket === null) return;
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      socket.once('data', () => resolve()).once('close', () => resolve());
      socket.write('hello\r\n\r\n');
    });
    socket.destroy();
  };
  return {
    house,
    rules,
    policy,
    async round(trust) {
      const trusting = [...served.filter(({ host }) => host !== 'raw.test'), ...bad, gone];
      for (const one of trusting) await ask(one, trust);
      await ask(at('raw.test'), good.issuer?.issuer?.pem ?? '');
      await ask(at('api.shop.test'), null);
      (await exchange(house.port, 'NONSENSE\r\n\r\n')).socket.destroy();
    },
    async askForOneOfMany(index) {
      const { reply, socket } = await connectTo(house.port, `host-${index}.many.test:${inspector.port}`);
      socket.destroy();
      return reply.status;
    },
    async close() {
      await house.stop();
      await Promise.all([origin.close(), inspector.close(), ...bad.map((one) => one.close())]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function pinGroups(pin: string) {
  const safe = { key: IN_THE_SAFE, name: 'in the safe', backup: true };
  return {
    'shop-cas': { expires: day(90), onExpiry: 'block', pins: [{ key: pin, name: 'our CA' }, safe] },
    rotated: {
      expires: day(20),
      onExpiry: 'alert',
      pins: [{ key: pin, name: 'next CA', backup: true }, { key: IN_THE_SAFE }],
    },
  };
}

function rulesOf(): readonly RuleYaml[] {
  const pins = { anyOf: [{ ca: 'shop-cas' }] };
  return [
    {
      name: 'shop',
      match: ['api.shop.test', 'forged-issuer.test', 'self-signed.test', 'missing-intermediate.test'],
      onFailure: 'block',
      pins,
    },
    { name: 'watched', match: ['watched.test'], onFailure: 'alert', pins, checks: { publicRoot: 'off' } },
    {
      name: 'partner',
      match: ['other-trusted-ca.test'],
      onFailure: 'alert',
      pins,
      checks: { staple: 'require', ct: 'require', crl: 'if-present' },
    },
    { name: 'cdn', match: ['private-root.test', 'wrong-host.test', 'gone.test', '*.many.test'], onFailure: 'block' },
    { name: 'spare', match: ['spare.test'], onFailure: 'block', pins: { anyOf: [{ ca: 'rotated' }] } },
    { name: 'raw', match: ['raw.test'], mode: 'bypass', reason: 'speaks to its own CA' },
    {
      name: 'old',
      match: ['expired-leaf.test'],
      onFailure: 'alert',
      unsafeFloor: { action: 'alert', reason: 'the vendor renews next week', until: day(7) },
    },
  ];
}
