/**
 * What an upstream may present, through the whole proxy: odd lists that hold a valid path are let through, and lists
 * that are made to hurt are refused at small cost.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo, tunnel } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { closeServer, listen } from '../support/sockets.ts';
import { authority, Issued, pem } from '../support/test-ca.ts';
import { testPki } from '../support/test-pki.ts';

const pki = testPki();
const DAY_MS = 86_400_000;
const many = (count: number, name: (index: number) => string) => Array.from({ length: count }, (_none, at) => name(at));

interface Presented {
  readonly host: string;
  readonly leaf: Issued;
  readonly chain: readonly Buffer[];
  /** null: let through. */
  readonly code: RegExp | null;
}

function presented(name: string, code: RegExp | null, chainOf: (leaf: Issued) => readonly Buffer[]): Presented {
  const leaf = pki.inter.issueLeaf({ dns: [`${name}.test`] });
  return { host: `${name}.test`, leaf, chain: chainOf(leaf), code };
}

const strangers = many(10, (index) => `Stranger ${index}`).map((cn) => authority({ cn }));
const crossed = pki.otherRoot.crossSign(pki.inter, {
  notBefore: pki.root.atMs - 30 * DAY_MS,
  notAfter: pki.root.atMs - DAY_MS,
});
const wide = pki.inter.issueLeaf({ dns: ['wide.test', ...many(999, (index) => `h${index}.wide.test`)] });
const tooWide = pki.inter.issueLeaf({ dns: ['too-wide.test', ...many(9999, (index) => `h${index}.too-wide.test`)] });

/** A chain of that many intermediates below the root. */
function deep(length: number): Presented {
  let issuer = pki.root;
  for (let depth = 0; depth < length; depth += 1) issuer = issuer.issueCa({ cn: `Depth ${depth}` });
  const leaf = issuer.issueLeaf({ dns: [`deep-${length}.test`] });
  return {
    host: `deep-${length}.test`,
    leaf,
    chain: leaf.chain,
    code: /^chain\.(budget|too-large|incomplete)$|^tls\./,
  };
}

const CASES: readonly Presented[] = [
  presented('with-root', null, (leaf) => [...leaf.chain, pki.root.der]),
  presented('reversed', null, (leaf) => [leaf.der, pki.root.der, pki.inter.der]),
  presented('twice', null, (leaf) => [leaf.der, leaf.der, pki.inter.der, pki.inter.der]),
  presented('strangers', null, (leaf) => [leaf.der, ...strangers.map((one) => one.der), pki.inter.der]),
  // One path goes over an expired cross-certificate, the other to our root.
  presented('crossed', null, (leaf) => [leaf.der, crossed.der, pki.inter.der]),
  presented('no-intermediate', /^chain\.incomplete$/, (leaf) => [leaf.der]),
  { host: 'wide.test', leaf: wide, chain: wide.chain, code: null },
  { host: 'too-wide.test', leaf: tooWide, chain: tooWide.chain, code: /^chain\.too-large$|^tls\.protocol$/ },
  presented('crowd', /^chain\.too-large$|^tls\.protocol$/, (leaf) => [
    ...leaf.chain,
    ...many(300, () => '').map(() => strangers[0]!.der),
  ]),
  deep(30),
];

let house: House;
const origins = new Map<string, Origin>();
let own: { port: number; present(leaf: Issued): void; close(): Promise<void> };
let resumable: { port: number; reused: boolean[]; close(): Promise<void> };

beforeAll(async () => {
  for (const { host, leaf, chain } of CASES) {
    const chainPem = chain.map((bytes) => pem('CERTIFICATE', bytes)).join('');
    origins.set(host, await echoOrigin({ keyPem: leaf.keyPem, chainPem }));
  }
  own = await changingServer();
  resumable = await ticketServer();
  const upstreams = [...origins].map(([host, origin]) => ({ host, port: origin.port }));
  house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [...upstreams, { host: 'own.test', port: own.port }, { host: 'tickets.test', port: resumable.port }],
    rules: [{ name: 'all', match: ['*.test'], pins: pinnedTo(pki.inter.pin, pki.root.pin), checks: { ct: 'off' } }],
  });
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  for (const origin of origins.values()) await origin.close();
  await own.close();
  await resumable.close();
});

/** Its certificate is only known once the proxy has made its CA. */
async function changingServer() {
  const first = pki.inter.issueLeaf({ dns: ['own.test'] });
  const server = createServer({ key: first.keyPem, cert: first.chainPem }, (socket) => socket.on('error', () => 0));
  return {
    port: await listen(server),
    present: (leaf: Issued) => server.setSecureContext({ key: leaf.keyPem, cert: leaf.chainPem }),
    close: async () => await closeServer(server),
  };
}

/** Hands out tickets, and remembers whether anybody came back with one. */
async function ticketServer() {
  const leaf = pki.inter.issueLeaf({ dns: ['tickets.test'] });
  const reused: boolean[] = [];
  const open = new Set<TLSSocket>();
  const server = createServer({ key: leaf.keyPem, cert: leaf.chainPem }, (socket) => {
    reused.push(socket.isSessionReused());
    open.add(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  return { port: await listen(server), reused, close: async () => await closeServer(server, open) };
}

describe('what an upstream presents', () => {
  it.each(CASES)('$host', async ({ host, code }) => {
    const origin = origins.get(host)!;
    const { reply, socket } = await connectTo(house.port, `${host}:${origin.port}`);
    socket.destroy();
    const found = /details="([a-z.-]+) /.exec(reply.headers['proxy-status'] ?? '')?.[1] ?? '';
    if (code === null) expect(reply.status, found).toBe(200);
    else {
      expect(reply.status).toBe(502);
      expect(found).toMatch(code);
    }
    expect(origin.applicationBytes()).toBe(0);
  });
});

it('the proxy’s own CA is no anchor upstream, and a leaf of it is called by its name', async () => {
  const certificatePem = readFileSync(house.caFile, 'utf8');
  const certificate = new X509Certificate(certificatePem);
  const privateKey = createPrivateKey(readFileSync(join(house.dir, 'ca-key.pem')));
  const ca = new Issued({
    der: certificate.raw,
    tbs: certificate.raw,
    key: { privateKey, publicKey: createPublicKey(privateKey), spki: spkiOf(certificate), spkiSha256: '' },
    subject: subjectOf(certificate),
    spki: spkiOf(certificate),
    serial: Buffer.alloc(1),
    subjectKeyId: null,
    atMs: Date.now(),
    issuer: null,
  });
  const leaf = ca.issueLeaf({ dns: ['own.test'] });
  own.present(leaf);
  const { reply, socket } = await connectTo(house.port, `own.test:${own.port}`);
  socket.destroy();
  expect(reply.status).toBe(502);
  expect(reply.headers['proxy-status']).toContain('chain.own-ca');
});

function spkiOf(certificate: X509Certificate): Buffer {
  return certificate.publicKey.export({ type: 'spki', format: 'der' });
}

/** The subject cut from the certificate: our own CA is self-signed, so issuer and subject are the same bytes. */
function subjectOf(certificate: X509Certificate): Buffer {
  const name = certificate.subject.split('\n').map((part) => part.split('=') as [string, string]);
  return authority({ subject: name }).subject;
}

it('no session is ever resumed upstream, though tickets are offered', async () => {
  const ca = readFileSync(house.caFile);
  for (let round = 0; round < 3; round += 1) {
    const socket = await tunnel(house.port, `tickets.test:${resumable.port}`, { ca });
    socket.write('x');
    await once(socket, 'data');
    socket.destroy();
  }
  expect(resumable.reused).toEqual([false, false, false]);
});
