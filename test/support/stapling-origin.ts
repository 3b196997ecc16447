/** A TLS origin that staples what it is told, sends the chain that it is told, and echoes every byte. */
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import { closeServer, listen, track } from './sockets.ts';
import type { Issued } from './test-ca.ts';
import { pem } from './test-ca.ts';

export interface StaplingOrigin {
  readonly port: number;
  applicationBytes(): number;
  close(): Promise<void>;
}

/** `chain`: what is sent after the leaf; default: the whole chain without its root. */
export async function staplingOrigin(
  leaf: Issued,
  staple: Buffer | null,
  chain: readonly Buffer[] = leaf.chain.slice(1),
): Promise<StaplingOrigin> {
  const cert = [leaf.der, ...chain].map((one) => pem('CERTIFICATE', one)).join('');
  const open = new Set<Socket>();
  let bytes = 0;
  const server = createServer({ key: leaf.keyPem, cert }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.pipe(socket);
  });
  server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(null, staple as Buffer));
  server.on('connection', (socket: Socket) => track(open, socket));
  server.on('tlsClientError', () => undefined);
  const port = await listen(server);
  return { port, applicationBytes: () => bytes, close: async () => await closeServer(server, open) };
}
