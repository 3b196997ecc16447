/** `node docker/demo/upstream.ts PEM [ADDRESS [PORT]]`: an HTTPS server with the key and chain of one file. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const [file = '', address = '0.0.0.0', port = '8443'] = process.argv.slice(2);
const pem = readFileSync(file);

const server = createServer({ key: pem, cert: pem }, (request, response) => {
  response.end(`hello from ${request.headers.host ?? 'nobody'}\n`);
});
server.on('tlsClientError', () => undefined);
server.listen(Number(port), address, () => {
  process.stdout.write(`${file} on port ${(server.address() as AddressInfo).port}\n`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));
