/** The routes of the metrics address: /metrics /healthz /livez /readyz /version, answered by the supervisor. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, createAdmin, json, text } from '../observe/admin.ts';
import { METRICS_CONTENT_TYPE } from '../observe/metrics.ts';
import type { ListenAddress } from '../policy/config.ts';
import { BindError } from './bind.ts';
import type { Versions } from './supervisor-metrics.ts';

/** Each condition of readiness by name. Upstreams, ledgers and sinks are none: they must not take the proxy out. */
export type Readiness = Readonly<Record<'policies' | 'ca' | 'listeners' | 'serving', boolean>>;

export interface AdminSource {
  readonly metricsText: () => Promise<string>;
  readonly readiness: () => Readiness;
  readonly versions: Versions;
}

export interface OpenedAdmin {
  readonly server: Server;
  readonly address: ListenAddress;
}

/** @throws BindError */
export async function openAdmin(listen: ListenAddress, source: AdminSource): Promise<OpenedAdmin> {
  const alive = (): Answer => text(200, 'ok');
  // Scrapes that come while one is made get the same one: asking often costs no more than asking.
  let scrape: Promise<string> | null = null;
  const metricsText = async (): Promise<string> => {
    scrape ??= source.metricsText().finally(() => {
      scrape = null;
    });
    return scrape;
  };
  const server = createAdmin({
    address: listen.address,
    hosts: [],
    routes: {
      '/healthz': alive,
      '/livez': alive,
      '/readyz': () => {
        const checks = source.readiness();
        const ready = Object.values(checks).every(Boolean);
        return json(ready ? 200 : 503, { ready, checks });
      },
      '/version': () => json(200, source.versions),
      '/metrics': async () => ({ status: 200, type: METRICS_CONTENT_TYPE, body: await metricsText() }),
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new BindError(listen, error)));
    server.listen(listen.port, listen.address, resolve);
  });
  return { server, address: { address: listen.address, port: (server.address() as AddressInfo).port } };
}
