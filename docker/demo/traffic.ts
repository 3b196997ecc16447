/**
 * `node docker/demo/traffic.ts PROXY_HOST:PORT CA_FILE [PORTS [ROUNDS]]`: clients of the demo. Each round asks
 * the good host often, the rotated one less and the attacked one now and then, and prints what came of it.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { askThrough } from '../../src/cli/demo-client.ts';

const ROUND = ['good', 'good', 'rotated', 'good', 'good', 'attacked', 'good', 'rotated'];
const EVERY_MS = 500;

const [proxy = 'pinwarden:3128', caFile = '/stage/clients/ca.pem', ports = '8443', rounds = 'Infinity'] =
  process.argv.slice(2);
const [proxyHost = '', proxyPort = ''] = proxy.split(':');
const portOf = new Map(ports.split(',').map((one) => one.split('=') as [string, string | undefined]));
const caPem = readFileSync(caFile, 'utf8');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));

async function ask(name: string): Promise<string> {
  const host = `${name}.demo.test`;
  try {
    const port = Number(portOf.get(name) ?? ports);
    const reply = await askThrough({ proxyHost, proxyPort: Number(proxyPort), host, port, caPem });
    return `${host} ${reply.status} ${reply.proxyStatus ?? 'allowed'}`;
  } catch (thrown) {
    return `${host} ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

for (let round = 0; round < Number(rounds); round += 1) {
  for (const name of ROUND) {
    process.stdout.write(`${await ask(name)}\n`);
    await pause(EVERY_MS);
  }
}
