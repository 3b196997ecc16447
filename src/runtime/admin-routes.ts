/** The routes of the metrics address: the status page, /metrics /healthz /livez /readyz /version; the supervisor answers. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, createAdmin, json, text } from '../observe/admin.ts';
import { METRICS_CONTENT_TYPE, printSnapshot, type Sample } from '../observe/metrics.ts';
import { statusFacts } from '../observe/status-facts.ts';
import { statusPage } from '../observe/status-page.ts';
import { STATUS_POLICY } from '../observe/status-style.ts';
import type { ListenAddress } from '../policy/config.ts';
import { BindError } from './bind.ts';
import type { Versions } from './supervisor-metrics.ts';

/**
 * Each condition of readiness by name; `audit`: verdicts can be recorded, or need not be (`onFull: count`). Upstreams,
 * ledgers and sinks are none: they must not take the proxy out.
 */
export type Readiness = Readonly<Record<'policies' | 'ca' | 'listeners' | 'audit' | 'serving', boolean>>;

export interface AdminSource {
  readonly nowMs: () => number;
  /** All processes merged: what /metrics prints and the status page shows. */
  readonly samples: () => Promise<readonly Sample[]>;
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
  const samples = together(source.samples);
  const metrics = together(async () => printSnapshot(await samples()));
  const page = together(async () => statusPage(statusFacts(await samples(), source.readiness(), source.nowMs())));
  const server = createAdmin({
    address: listen.address,
    hosts: [],
    routes: {
      '/': async () => ({ status: 200, type: 'text/html; charset=utf-8', body: await page(), policy: STATUS_POLICY }),
      '/healthz': alive,
      '/livez': alive,
      '/readyz': () => {
        const checks = source.readiness();
        const ready = Object.values(checks).every(Boolean);
        return json(ready ? 200 : 503, { ready, checks });
      },
      '/version': () => json(200, source.versions),
      '/metrics': async () => ({ status: 200, type: METRICS_CONTENT_TYPE, body: await metrics() }),
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new BindError(listen, error)));
    server.listen(listen.port, listen.address, resolve);
  });
  return { server, address: { address: listen.address, port: (server.address() as AddressInfo).port } };
}

/** Who asks while an answer is made gets the same one: asking often costs no more than asking. */
function together<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let making: Promise<Made> | null = null;
  return async () => {
    making ??= make().finally(() => {
      making = null;
    });
    return making;
  };
}
