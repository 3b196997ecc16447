import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { connect, type SecureContext, TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { loadCa, type MintingCa } from '../../src/minting/ca.ts';
import { type ContextAsk, createShelf, type Shelf } from '../../src/minting/shelf.ts';
import type { Signer } from '../../src/minting/signer.ts';
import { testClock } from '../support/clock.ts';
import { closeServer, listen } from '../support/sockets.ts';
import { authority } from '../support/test-ca.ts';
import { DAY_MS, NOW_MS, name, newCa } from './support.ts';

function shelfOf(change: Partial<Parameters<typeof createShelf>[0]> = {}): Shelf {
  const signer = signerOf(newCa().ca);
  return createShelf({ signer, clock: testClock(NOW_MS), maxEntries: 10, ticketKeys: randomBytes(48), ...change });
}

const signerOf =
  (ca: MintingCa, chainPem = ''): (() => Signer) =>
  () => ({ ca, chainPem });

function askOf(host: string, change: Partial<ContextAsk> = {}): ContextAsk {
  return { authority: name(host), generation: 1, maxVersion: 'TLSv1.3', key: 'p256', ...change };
}

/** What a client is shown by a TLS socket with this context, as the lane makes it. */
async function shown(secureContext: SecureContext): Promise<{ chain: string[]; version: string | null }> {
  const server = createServer((socket) => {
    new TLSSocket(socket, { isServer: true, secureContext }).on('error', () => undefined);
  });
  const port = await listen(server);
  const client = connect({ port, host: '127.0.0.1', servername: 'a.test', rejectUnauthorized: false });
  await once(client, 'secureConnect');
  const chain: string[] = [];
  for (let one = client.getPeerX509Certificate(); one !== undefined; one = one.issuerCertificate)
    chain.push(one.subject);
  const version = client.getProtocol();
  client.destroy();
  await closeServer(server);
  return { chain, version };
}

/** A handshake with the session of an earlier one, by TLS 1.2, where it is there at once. */
async function resumes(shelf: Shelf, session?: Buffer) {
  const server = createServer((socket) => {
    const secureContext = shelf.contextFor(askOf('a.test', { maxVersion: 'TLSv1.2' }));
    new TLSSocket(socket, { isServer: true, secureContext }).on('error', () => undefined);
  });
  const port = await listen(server);
  const options = { port, host: '127.0.0.1', servername: 'a.test', rejectUnauthorized: false };
  const client = connect(session === undefined ? options : { ...options, session });
  await once(client, 'secureConnect');
  const answer = { session: client.getSession(), reused: client.isSessionReused() };
  client.destroy();
  await closeServer(server);
  return answer;
}

describe('the shelf', () => {
  it('refuses ticket keys of another size', () => {
    const signer = signerOf(newCa().ca);
    const options = { signer, clock: testClock(NOW_MS), maxEntries: 1, ticketKeys: randomBytes(47) };
    expect(() => createShelf(options)).toThrow(RangeError);
    expect(() => shelfOf().renewTickets(randomBytes(49))).toThrow(RangeError);
  });

  it('throws while the CA is not valid, and keeps no failure', () => {
    const clock = testClock(NOW_MS);
    const shelf = shelfOf({ clock });
    clock.setWall(NOW_MS + 400 * DAY_MS);
    expect(() => shelf.contextFor(askOf('a.test'))).toThrow(/expired/);
    clock.setWall(NOW_MS);
    expect(shelf.contextFor(askOf('a.test'))).toBeDefined();
  });

  it('mints once for a thousand first handshakes', () => {
    const minted: number[] = [];
    const shelf = shelfOf({ onMinted: (ms) => minted.push(ms) });
    const contexts = new Set(Array.from({ length: 1000 }, () => shelf.contextFor(askOf('a.test'))));
    expect(contexts.size).toBe(1);
    expect(minted).toHaveLength(1);
  });

  it('keeps hosts, generations and versions apart, and a bounded number of them', () => {
    const shelf = shelfOf({ maxEntries: 4 });
    const asks = [
      askOf('a.test'),
      askOf('b.test'),
      askOf('a.test', { generation: 2 }),
      askOf('a.test', { maxVersion: 'TLSv1.2' }),
    ];
    expect(new Set(asks.map((ask) => shelf.contextFor(ask))).size).toBe(4);
    for (let host = 0; host < 50; host++) shelf.contextFor(askOf(`${host}.test`));
    expect(shelf.size).toBe(4);
  });

  it('has RSA leaves beside the others, once the key is there', async () => {
    const shelf = shelfOf();
    expect(() => shelf.contextFor(askOf('a.test', { key: 'rsa' }))).toThrow(TypeError);
    await shelf.prepareRsa();
    const context = shelf.contextFor(askOf('a.test', { key: 'rsa' }));
    expect(shelf.contextFor(askOf('a.test', { key: 'rsa' }))).toBe(context);
    expect(shelf.contextFor(askOf('a.test'))).not.toBe(context);
    expect((await shown(context)).chain).toEqual(['CN=a.test']);
  });

  it('mints anew when the leaf key is a day old', () => {
    const clock = testClock(NOW_MS);
    const shelf = shelfOf({ clock });
    const first = shelf.contextFor(askOf('a.test'));
    clock.advance(DAY_MS - 1);
    expect(shelf.contextFor(askOf('a.test'))).toBe(first);
    clock.advance(1);
    expect(shelf.contextFor(askOf('a.test'))).not.toBe(first);
    expect(shelf.size).toBe(1);
  });

  it('mints anew when another CA signs, and back again, without a second entry', () => {
    const [one, other] = [signerOf(newCa().ca)(), signerOf(newCa().ca)()];
    let now = one;
    const shelf = shelfOf({ signer: () => now });
    const first = shelf.contextFor(askOf('a.test'));
    now = other;
    const second = shelf.contextFor(askOf('a.test'));
    expect(second).not.toBe(first);
    expect(shelf.contextFor(askOf('a.test'))).toBe(second);
    now = one;
    expect(shelf.contextFor(askOf('a.test'))).not.toBe(second);
    expect(shelf.size).toBe(1);
  });

  it('mints anew before a leaf ends, by the wall clock', () => {
    const clock = testClock(NOW_MS);
    const shelf = shelfOf({ clock });
    const first = shelf.contextFor(askOf('a.test'));
    clock.setWall(NOW_MS + 7 * DAY_MS - 3_600_000);
    expect(shelf.contextFor(askOf('a.test'))).not.toBe(first);
  });
});

describe('a client is shown', () => {
  it('the leaf alone when the CA is a root', async () => {
    expect((await shown(shelfOf().contextFor(askOf('a.test')))).chain).toEqual(['CN=a.test']);
  });

  it('leaf, subordinate CA and what is above it', async () => {
    const middle = authority({ at: NOW_MS, cn: 'Root' }).issueCa({ cn: 'Middle' });
    const below = middle.issueCa({ cn: 'Below' });
    const ca = loadCa(below.pem, below.keyPem, NOW_MS);
    const options = { clock: testClock(NOW_MS), maxEntries: 1, ticketKeys: randomBytes(48) };
    const shelf = createShelf({ ...options, signer: signerOf(ca, middle.pem) });
    expect((await shown(shelf.contextFor(askOf('a.test')))).chain).toEqual(['CN=a.test', 'CN=Below', 'CN=Middle']);
    expect(new X509Certificate(middle.pem).subject).toBe('CN=Middle');
  });

  it('no session of a leaf that another CA signed', async () => {
    let now = signerOf(newCa().ca)();
    const shelf = shelfOf({ signer: () => now });
    const first = await resumes(shelf);
    expect((await resumes(shelf, first.session)).reused, 'while the same CA signs').toBe(true);
    now = signerOf(newCa().ca)();
    expect((await resumes(shelf, first.session)).reused).toBe(false);
  });

  it('a session of every shelf with the same ticket keys, and none of keys that were replaced', async () => {
    const signer = signerOf(newCa().ca);
    const ticketKeys = randomBytes(48);
    const [one, other] = [shelfOf({ signer, ticketKeys }), shelfOf({ signer, ticketKeys })];
    const before = await resumes(one);
    expect((await resumes(other, before.session)).reused).toBe(true);
    const next = randomBytes(48);
    for (const shelf of [one, other]) shelf.renewTickets(next);
    expect([one.size, other.size], 'no context keeps the old keys').toEqual([0, 0]);
    expect((await resumes(one, before.session)).reused).toBe(false);
    expect((await resumes(other, before.session)).reused).toBe(false);
    expect((await resumes(other, (await resumes(one)).session)).reused).toBe(true);
  });

  it('no higher version than was asked for', async () => {
    const shelf = shelfOf();
    expect((await shown(shelf.contextFor(askOf('a.test')))).version).toBe('TLSv1.3');
    expect((await shown(shelf.contextFor(askOf('a.test', { maxVersion: 'TLSv1.2' })))).version).toBe('TLSv1.2');
  });
});
