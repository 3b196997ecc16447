/**
 * From the id of a refusal to its explanation, as an operator walks it: the reply names an event, `why` tells of it, the
 * locker has the chain, the admin interface shows the same, and a client that does not trust our CA is seen as such.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type BadServer, startBadServer } from '../support/bad-servers.ts';
import { curl, plainEnv, run } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { eventually } from '../support/sockets.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

// One test starts several programs one after the other.
vi.setConfig({ testTimeout: 90_000 });

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describeWith(['curl'], 'an operator', () => {
  let pki: TestPki;
  let house: House;
  let good: BadServer;
  let other: BadServer;

  beforeAll(async () => {
    pki = testPki();
    good = await startBadServer('good', pki);
    other = await startBadServer('other-trusted-ca', pki);
    const rule = { onFailure: 'block', pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } };
    house = await startHouse({
      anchors: pki.root.pem + pki.otherRoot.pem,
      upstreams: [good, other],
      rules: [good, other].map(({ host }) => ({ name: host.split('.')[0]!, match: [host], ...rule })),
      config: { admin: { unix: 'state/admin.sock' }, clients: { here: ['127.0.0.0/8'] } },
      workers: 2,
    });
  });

  afterAll(async () => {
    expect(await house.stop()).toBe(0);
    await Promise.all([good.close(), other.close()]);
  });

  const pinwarden = async (...args: string[]) =>
    run(process.execPath, [MAIN, ...args, '-c', 'pinwarden.yaml'], { cwd: house.dir, env: plainEnv() });

  const eventOf = async (server: BadServer) => {
    const { stderr } = await curl(house.port, house.caFile, '-v', `https://${server.host}:${server.port}/`);
    return /event=([0-9a-f-]+)/.exec(stderr)?.[1] ?? '';
  };

  it('finds out why, with nothing but the id that the client was given', async () => {
    const event = await eventOf(other);
    const line = await house.verdictOf(event);
    const evidence = String(line['pinwarden.evidence']);
    const dir = join(house.dir, 'state', 'evidence');
    await eventually('the chain is kept', () => readdirSync(dir).includes(`${evidence}.json`));
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, `${evidence}.json`)).mode & 0o777).toBe(0o600);
    const why = await pinwarden('why', event.slice(0, 8));
    expect(why.exitCode).toBe(0);
    expect(why.stdout).toContain('pin.mismatch');
    expect(why.stdout).toContain(pki.inter.pin);
    expect(why.stdout).toContain(pki.otherInter.pin);
    expect(why.stdout).toContain('127.0.0.1 (here)');
    const exported = await pinwarden('evidence', 'export', event);
    expect(exported.stdout).toContain('BEGIN CERTIFICATE');
    const judged = /pinwarden (verify .*)/.exec(exported.stdout)?.[1] ?? '';
    expect(judged).toContain(`--host ${other.host}`);
    expect((await house.metrics()).value('pinwarden_evidence_exhibits')).toBe(1);
    expect((await house.metrics()).value('pinwarden_evidence_lost_total')).toBe(0);
  });

  it('sees which clients do not trust the CA, and what helps them', async () => {
    // Trusts the upstream's root and not ours.
    await curl(house.port, join(house.dir, 'anchors.pem'), `https://${good.host}:${good.port}/`);
    const closed = () => house.audit().find((line) => line['pinwarden.client_alert'] !== undefined);
    await eventually('a close line with the alert', () => closed() !== undefined);
    expect(closed()).toMatchObject({ 'pinwarden.client_alert': 'unknown_ca', 'pinwarden.client': 'here' });
    const alerts = (await house.metrics()).value('pinwarden_client_alerts_total', {
      client: 'here',
      alert: 'unknown_ca',
    });
    expect(alerts).toBe(1);
    const why = await pinwarden('why', String(closed()?.['event.id']));
    expect(why.stdout).toContain('pinwarden env');
    expect(why.stdout).toContain('pinwarden ca trust');
  });

  it('asks the running proxy, and has it drain', async () => {
    expect(statSync(join(house.dir, 'state', 'admin.sock')).mode & 0o777).toBe(0o600);
    const explained = await pinwarden('explain', other.host, '--live');
    expect(explained.stdout).toMatch(/running: generation 1\n.*: rule /);
    const socket = join(house.dir, 'state', 'admin.sock');
    const viaSocket = ['--silent', '--unix-socket', socket];
    const list = await run('curl', [...viaSocket, 'http://pinwarden/v1/evidence']);
    expect(JSON.parse(list.stdout).exhibits).toHaveLength(1);
    const refused = await run('curl', [...viaSocket, '-X', 'POST', 'http://pinwarden/v1/drain']);
    expect(JSON.parse(refused.stdout)).toMatchObject({ status: 403 });
    const drained = await run('curl', [
      ...viaSocket,
      '-X',
      'POST',
      '-H',
      'pinwarden-admin: 1',
      'http://pinwarden/v1/drain',
    ]);
    expect(JSON.parse(drained.stdout)).toMatchObject({ draining: true });
    await eventually('the process ends by itself', () => !isAlive(house.pid));
    await eventually('its last word', () => house.output().includes('pinwarden: ended;'));
    expect(readdirSync(join(house.dir, 'state'))).not.toContain('admin.sock');
  });
});
