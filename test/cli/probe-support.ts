/** Upstreams of the catalogue for probes, on loopback: no name is asked for. */
import { writeFileSync } from 'node:fs';
import { readInstallationOrDefaults } from '../../src/cli/installation.ts';
import { createGlass, type Glass, look, type View } from '../../src/cli/probe-look.ts';
import type { Authority } from '../../src/model/authority.ts';
import { type BadServer, type BadServerName, startBadServer } from '../support/bad-servers.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';
import { capturedIo } from './captured-io.ts';
import { emptyPlace, type Place } from './place.ts';

export interface Range {
  readonly place: Place;
  readonly pki: TestPki;
  /** PEM file with the root of the good hosts. */
  readonly anchorsFile: string;
  readonly servers: Readonly<Record<string, BadServer>>;
  /** `host:port` of an upstream. */
  target(name: BadServerName): string;
  authority(name: BadServerName): Authority;
  /** `--resolve` for all of them. */
  readonly resolve: readonly string[];
  glass(anchors: 'public' | 'file'): Glass;
  view(name: BadServerName, anchors?: 'public' | 'file', via?: Authority | null): Promise<View>;
  close(): Promise<void>;
}

export async function openRange(...names: readonly BadServerName[]): Promise<Range> {
  const place = emptyPlace();
  const pki = testPki();
  const anchorsFile = place.path('roots.pem');
  writeFileSync(anchorsFile, pki.root.pem + pki.otherRoot.pem);
  const started = await Promise.all(names.map(async (name) => [name, await startBadServer(name, pki)] as const));
  const servers: Record<string, BadServer> = Object.fromEntries(started);
  const glasses: Glass[] = [];
  const authority = (name: BadServerName): Authority => {
    const { host, port } = servers[name]!;
    return { host, kind: 'name', port };
  };
  const glass = (anchors: 'public' | 'file'): Glass => {
    const addresses = new Map(started.map(([, { host }]) => [host, ['127.0.0.1']]));
    const config = readInstallationOrDefaults(undefined, capturedIo(place.dir));
    const one = createGlass(config, { anchors: anchors === 'public' ? 'public' : { files: [anchorsFile] }, addresses });
    glasses.push(one);
    return one;
  };
  return {
    place,
    pki,
    anchorsFile,
    servers,
    target: (name) => `${servers[name]!.host}:${servers[name]!.port}`,
    authority,
    resolve: started.flatMap(([, { host }]) => ['--resolve', `${host}:127.0.0.1`]),
    glass,
    view: async (name, anchors = 'file', via = null) => look(authority(name), via, glass(anchors)),
    async close() {
      for (const one of glasses) one.close();
      for (const [, server] of started) await server.close();
      place.remove();
    },
  };
}
