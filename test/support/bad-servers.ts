/**
 * A named catalogue of upstreams on 127.0.0.1, port 0: good ones, attackers, and broken ones.
 *
 * Each counts the application bytes that reached it after a completed handshake: a blocked attacker must have got
 * none. Names say what is wrong. Hosts are `<name>.test`, except for wrong-host. `start` begins one, `close` ends it
 * and everything that hangs on it.
 */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { closeServer, dialLocal, listen, portOf, track } from './sockets.ts';
import { forgeIssuer, type Issued, pem, selfSigned } from './test-ca.ts';
import type { TestPki } from './test-pki.ts';

/** What a connection does, besides what is wrong with its certificate. */
type Behaviour =
  | { readonly kind: 'tls'; readonly options: TlsOptions }
  /** The n-th connection is served by the n-th behaviour; the last one stays. */
  | { readonly kind: 'turns'; readonly turns: readonly TlsOptions[] }
  /** No TLS at all: the raw socket. */
  | { readonly kind: 'tcp'; readonly serve: (socket: Socket) => void }
  /** A TLS server behind a front that handles the raw bytes of its answers. */
  | { readonly kind: 'fronted'; readonly options: TlsOptions; readonly front: (client: Socket, inner: Socket) => void };

const DAY_MS = 86_400_000;

function present(leaf: Issued, chain: readonly Buffer[] = leaf.chain): TlsOptions {
  const cert = chain.map((bytes) => pem('CERTIFICATE', bytes)).join('');
  return { key: leaf.keyPem, cert, ALPNProtocols: ['http/1.1'] };
}

const hostOf = (name: string) => `${name}.test`;

/** The catalogue: what each upstream presents and does, given the cast. */
export const CATALOGUE = {
  good: (pki: TestPki) => tls(present(pki.inter.issueLeaf({ dns: [hostOf('good')] }))),

  // Attackers whose chain is valid: pins, public root or CT must find them.
  'other-trusted-ca': (pki: TestPki) => tls(present(pki.otherInter.issueLeaf({ dns: [hostOf('other-trusted-ca')] }))),
  'forged-issuer': (pki: TestPki) => {
    const leaf = pki.otherInter.issueLeaf({ dns: [hostOf('forged-issuer')] });
    return tls(present(leaf, [...leaf.chain, forgeIssuer(pki.otherRoot, pki.inter.spki).der]));
  },
  'forged-intermediate': (pki: TestPki) => {
    const leaf = pki.otherInter.issueLeaf({ dns: [hostOf('forged-intermediate')] });
    const fake = forgeIssuer(pki.otherInter, pki.inter.spki, { issuer: pki.otherRoot.subject });
    return tls(present(leaf, [...leaf.chain, fake.der]));
  },
  'appended-pinned-ca': (pki: TestPki) => {
    const leaf = pki.otherInter.issueLeaf({ dns: [hostOf('appended-pinned-ca')] });
    return tls(present(leaf, [...leaf.chain, pki.inter.der, pki.root.der]));
  },

  // Attackers and mistakes that the floor must find.
  'private-root': (pki: TestPki) => tls(inspected(pki, 'private-root')),
  'expired-leaf': (pki: TestPki) => dated(pki, 'expired-leaf', -30 * DAY_MS, -1 * DAY_MS),
  'not-yet-valid': (pki: TestPki) => dated(pki, 'not-yet-valid', DAY_MS, 30 * DAY_MS),
  'wrong-host': (pki: TestPki) => tls(present(pki.inter.issueLeaf({ dns: ['somebody-else.test'] }))),
  'cn-only': (pki: TestPki) => tls(present(pki.inter.issueLeaf({ cn: hostOf('cn-only') }))),
  'self-signed': (_pki: TestPki) => tls(present(selfSigned({ dns: [hostOf('self-signed')] }))),
  'missing-intermediate': (pki: TestPki) => {
    const leaf = pki.inter.issueLeaf({ dns: [hostOf('missing-intermediate')] });
    return tls(present(leaf, [leaf.der]));
  },
  'leaf-as-ca': (pki: TestPki) => {
    const stolen = pki.inter.issueLeaf({ dns: ['attacker.test'] });
    return tls(present(stolen.issueLeaf({ dns: [hostOf('leaf-as-ca')] })));
  },
  'client-auth-only': (pki: TestPki) => {
    const leaf = pki.inter.issueLeaf({ dns: [hostOf('client-auth-only')], extendedKeyUsage: ['1.3.6.1.5.5.7.3.2'] });
    return tls(present(leaf));
  },
  'unknown-critical': (pki: TestPki) =>
    tls(present(pki.inter.issueLeaf({ dns: [hostOf('unknown-critical')], unknownCritical: true }))),
  'broken-signature': (pki: TestPki) =>
    tls(present(pki.inter.issueLeaf({ dns: [hostOf('broken-signature')], broken: 'flipped' }))),
  'outside-constraints': (pki: TestPki) => {
    const narrow = pki.root.issueCa({ cn: 'Narrow', nameConstraints: { permitted: { dns: ['elsewhere.test'] } } });
    return tls(present(narrow.issueLeaf({ dns: [hostOf('outside-constraints')] })));
  },
  'good-then-rogue': (pki: TestPki) => ({
    kind: 'turns' as const,
    turns: [present(pki.inter.issueLeaf({ dns: [hostOf('good-then-rogue')] })), inspected(pki, 'good-then-rogue')],
  }),

  // Upstreams that fail before there is anything to judge.
  'tls11-only': (pki: TestPki) =>
    tls({
      ...present(pki.inter.issueLeaf({ dns: [hostOf('tls11-only')] })),
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0',
    }),
  'client-cert-required': (pki: TestPki) =>
    tls({
      ...present(pki.inter.issueLeaf({ dns: [hostOf('client-cert-required')] })),
      requestCert: true,
      rejectUnauthorized: true,
      ca: pki.root.pem,
    }),
  silent: () => tcp(() => undefined),
  'reset-mid-handshake': () => tcp((socket) => socket.once('data', () => socket.resetAndDestroy())),
  'early-close': () => tcp((socket) => socket.once('data', () => socket.end())),
  plaintext: () => tcp((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
  drip: (pki: TestPki) => ({
    kind: 'fronted' as const,
    options: present(pki.inter.issueLeaf({ dns: [hostOf('drip')] })),
    front: drip,
  }),
  'reset-after-certificate': (pki: TestPki) => ({
    kind: 'fronted' as const,
    options: present(pki.inter.issueLeaf({ dns: [hostOf('reset-after-certificate')] })),
    // The first flight holds ServerHello and the (encrypted) certificate: half of it, then RST.
    front: (client: Socket, inner: Socket) => {
      client.on('data', (chunk) => inner.write(chunk));
      inner.once('data', (flight: Buffer) =>
        client.write(flight.subarray(0, flight.length / 2), () => client.resetAndDestroy()),
      );
    },
  }),
} satisfies Readonly<Record<string, (pki: TestPki) => Behaviour>>;

export type BadServerName = keyof typeof CATALOGUE;

function tls(options: TlsOptions): Behaviour {
  return { kind: 'tls', options };
}

function tcp(serve: (socket: Socket) => void): Behaviour {
  return { kind: 'tcp', serve };
}

/** As an inspecting firewall presents itself: its whole chain, the root included. */
function inspected(pki: TestPki, name: string): TlsOptions {
  const leaf = pki.rogueInter.issueLeaf({ dns: [hostOf(name)] });
  return present(leaf, [...leaf.chain, pki.rogueRoot.der]);
}

function dated(pki: TestPki, name: string, fromMs: number, toMs: number): Behaviour {
  const now = pki.root.atMs;
  return tls(present(pki.inter.issueLeaf({ dns: [hostOf(name)], notBefore: now + fromMs, notAfter: now + toMs })));
}

/** One byte every 100 ms: the whole flight would take minutes. */
function drip(client: Socket, inner: Socket): void {
  client.on('data', (chunk) => inner.write(chunk));
  const waiting: number[] = [];
  inner.on('data', (chunk: Buffer) => waiting.push(...chunk));
  const timer = setInterval(() => {
    const byte = waiting.shift();
    if (byte !== undefined) client.write(Buffer.from([byte]));
  }, 100);
  client.once('close', () => clearInterval(timer));
}

export interface BadServer {
  readonly name: BadServerName;
  /** The name a client asks for; it resolves nowhere, so the proxy must be told its address. */
  readonly host: string;
  readonly port: number;
  /** Bytes received after the handshake, over all connections. */
  applicationBytes(): number;
  /** TCP connections accepted so far. */
  connections(): number;
  close(): Promise<void>;
}

/** Starts one upstream of the catalogue. HTTP/1.1 requests to a TLS one are answered with its name. */
export async function startBadServer(name: BadServerName, pki: TestPki): Promise<BadServer> {
  const counts = { bytes: 0, connections: 0 };
  const open = new Set<Socket>();
  const inner: Server[] = [];
  const serve = (options: TlsOptions) => {
    const server = createTlsServer(options, (socket) => answer(name, socket, counts));
    server.on('tlsClientError', () => undefined);
    inner.push(server);
    return server;
  };
  const handle = accept(CATALOGUE[name](pki), serve, open);
  const server = createTcpServer((socket) => {
    track(open, socket);
    handle(socket, counts.connections);
    counts.connections += 1;
  });
  await listen(server);
  return {
    name,
    host: hostOf(name),
    port: portOf(server),
    applicationBytes: () => counts.bytes,
    connections: () => counts.connections,
    close: async () => {
      await closeServer(server, open);
      await Promise.all(inner.map((one) => closeServer(one)));
    },
  };
}

type Accept = (socket: Socket, turn: number) => void;

function accept(behaviour: Behaviour, serve: (options: TlsOptions) => Server, open: Set<Socket>): Accept {
  if (behaviour.kind === 'tcp') return (socket) => behaviour.serve(socket);
  if (behaviour.kind === 'fronted') {
    const server = serve(behaviour.options);
    const listening = listen(server);
    return (socket) => {
      socket.pause();
      void listening.then(() => {
        const through = track(open, dialLocal(portOf(server)));
        behaviour.front(socket, through);
        through.once('close', () => socket.destroy());
        socket.once('close', () => through.destroy());
        socket.resume();
      });
    };
  }
  const turns = (behaviour.kind === 'turns' ? behaviour.turns : [behaviour.options]).map(serve);
  return (socket, turn) => turns[Math.min(turn, turns.length - 1)]?.emit('connection', socket);
}

function answer(name: string, socket: TLSSocket, counts: { bytes: number }): void {
  socket.on('error', () => socket.destroy());
  let head = '';
  socket.on('data', (chunk: Buffer) => {
    counts.bytes += chunk.length;
    head = (head + chunk.toString('latin1')).slice(-4096);
    if (!head.includes('\r\n\r\n')) return;
    head = '';
    const body = `${name}\n`;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nContent-Type: text/plain\r\n\r\n${body}`);
  });
}
