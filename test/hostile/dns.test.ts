/** What DNS may say, through the whole proxy, with a resolver that answers by script. The cases are data. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo } from '../support/client.ts';
import { type Answer, type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { testPki } from '../support/test-pki.ts';

interface Case {
  readonly id: string;
  readonly why: string;
  readonly answer: Answer;
  readonly expect: { readonly status: number; readonly code: string };
}

const file = fileURLToPath(new URL('../cases/hostile/dns.json', import.meta.url));
const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly Case[];
const hostOf = (one: Case) => `${one.id.toLowerCase()}.dns.test`;

let dns: DnsServer;
let origin: Origin;
let house: House;
/** How often the rebinding name was asked for. */
let asked = 0;

beforeAll(async () => {
  const pki = testPki();
  origin = await echoOrigin(pki.inter.issueLeaf({ dns: ['once.test', 'mixed.test'] }));
  dns = await startDnsServer({
    ...Object.fromEntries(cases.map((one) => [hostOf(one), one.answer])),
    // Right when it is judged, elsewhere when it is asked again.
    'once.test': (type) => {
      if (type === 'AAAA') return [];
      asked += 1;
      return asked === 1 ? ['127.0.0.1'] : ['10.0.0.1'];
    },
    'mixed.test': ['127.0.0.1', '10.0.0.1'],
  });
  const allowed = ['127.0.0.1/32'];
  house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [{ host: 'unused.test', port: origin.port }],
    rules: [
      {
        name: 'here',
        match: ['once.test', 'mixed.test'],
        pins: pinnedTo(pki.inter.pin),
        checks: { ct: 'off' },
        allowPrivate: allowed,
      },
      { name: 'elsewhere', match: ['**.dns.test'], allowPrivate: [], checks: { ct: 'off' } },
    ],
    config: { egress: { ports: [443, origin.port], dns: { servers: [dns.server], timeoutMs: 3_000 } } },
  });
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  await origin.close();
  await dns.close();
});

describe('what DNS says', () => {
  it.each(cases)('$id $why', async (one) => {
    const before = origin.connections();
    const { reply, socket } = await connectTo(house.port, `${hostOf(one)}:${origin.port}`);
    socket.destroy();
    expect(reply.headers['proxy-status']).toContain(`details="${one.expect.code} `);
    expect(reply.status).toBe(one.expect.status);
    expect(origin.connections(), 'nothing is dialled').toBe(before);
  });

  it('C05: a name is resolved once for a tunnel, and the checked address is the dialled one', async () => {
    const { reply, socket } = await connectTo(house.port, `once.test:${origin.port}`);
    socket.destroy();
    expect(reply.status).toBe(200);
    expect(asked).toBe(1);
    expect(origin.connections()).toBe(1);
  });

  it('C04: of several addresses only those that may be dialled are, or none', async () => {
    const { reply, socket } = await connectTo(house.port, `mixed.test:${origin.port}`);
    socket.destroy();
    if (reply.status === 403) expect(reply.headers['proxy-status']).toContain('address.denied');
    else expect(reply.status).toBe(200);
    const dialled = house.audit().map((line) => line['network.peer.address']);
    expect(dialled).not.toContain('10.0.0.1');
  });
});
