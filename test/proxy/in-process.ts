/**
 * A proxy inside the test's process: the real house, built from real pieces by the runtime's own builder, on a free
 * port of 127.0.0.1. Only the recorder is a list, so that a test reads exactly what was recorded.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '../../src/host/clock.ts';
import { createCa } from '../../src/minting/ca.ts';
import type { CloseEntry, Recorder, VerdictEntry } from '../../src/observe/recorder.ts';
import { createSignatureMemory } from '../../src/pki/x509/signature.ts';
import type { Limits } from '../../src/policy/config.ts';
import type { House } from '../../src/proxy/house.ts';
import { createListener } from '../../src/proxy/listener.ts';
import { type BuiltHouse, buildHouse } from '../../src/runtime/build-house.ts';
import { type Compiled, compile } from '../../src/runtime/compile.ts';
import { createCertificateMemory } from '../../src/verify/certificate-memory.ts';
import { closeServer, listen, track } from '../support/sockets.ts';

const PUBLIC_ANCHORS = readFileSync(
  fileURLToPath(new URL('../../config/anchors/public.json', import.meta.url)),
  'utf8',
);
const CONFIG_FILE = '/test/pinwarden.yaml';

export type RuleYaml = Readonly<Record<string, unknown>> & { readonly name: string; readonly match: readonly string[] };

export interface ProxyOptions {
  /** PEM of what the proxy trusts upstream. */
  readonly anchors: string;
  /** Hosts that are dialled at 127.0.0.1. */
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
  readonly rules?: readonly RuleYaml[];
  /** More keys of pinwarden.yaml. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Keys of `limits:` in pinwarden.yaml. */
  readonly limits?: Partial<Limits>;
}

export interface TestProxy {
  readonly port: number;
  readonly house: House;
  /** What clients must trust. */
  readonly caPem: string;
  readonly verdicts: VerdictEntry[];
  readonly closes: CloseEntry[];
  /** Group and alert. */
  readonly clientAlerts: [string | null, string][];
  /** Thrown by the recorder's next verdicts, when set. */
  recorderFails: Error | null;
  /** The recorder says that nothing can be recorded. */
  recorderBlocked: boolean;
  /** Sockets that the recorder was told of and that have not closed. */
  openConnections(): number;
  /** A new generation with these rules. */
  reload(rules: readonly RuleYaml[], config?: Readonly<Record<string, unknown>>): void;
  built: BuiltHouse;
  close(): Promise<void>;
}

export async function startProxy(options: ProxyOptions): Promise<TestProxy> {
  const ca = createCa({ commonName: 'Pinwarden test', nowMs: Date.now(), days: 30 });
  const verdicts: VerdictEntry[] = [];
  const closes: CloseEntry[] = [];
  const clientAlerts: [string | null, string][] = [];
  let open = 0;
  const recorder: Recorder = {
    get blocked() {
      return proxy.recorderBlocked;
    },
    verdict(entry) {
      if (proxy.recorderFails !== null) throw proxy.recorderFails;
      verdicts.push(entry);
    },
    close: (entry) => void closes.push(entry),
    connection() {
      open += 1;
      return () => {
        open -= 1;
      };
    },
    bytes: () => undefined,
    clientAlert: (group, alert) => void clientAlerts.push([group, alert]),
    minted: () => undefined,
    judged: () => undefined,
    resolved: () => undefined,
  };
  let number = 0;
  const compiled = (rules: readonly RuleYaml[], config = options.config ?? {}): Compiled =>
    compileText(++number, options, rules, config, ca);
  const built = buildHouse({
    clock: options.clock ?? systemClock,
    recorder,
    ticketKeys: randomBytes(48),
    own: [],
    first: compiled(options.rules ?? []),
  });
  const server = createListener(built.house);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => track(sockets, socket));
  const port = await listen(server);
  const proxy: TestProxy = {
    port,
    house: built.house,
    caPem: ca.certificatePem,
    verdicts,
    closes,
    clientAlerts,
    recorderFails: null,
    recorderBlocked: false,
    openConnections: () => open,
    reload: (rules, config) => built.apply(compiled(rules, config)),
    built,
    async close() {
      for (const tunnel of built.house.tunnels.all()) tunnel.cut('drain');
      await closeServer(server, sockets);
      built.close();
    },
  };
  return proxy;
}

function compileText(
  number: number,
  options: ProxyOptions,
  rules: readonly RuleYaml[],
  config: Readonly<Record<string, unknown>>,
  ca: { readonly certificatePem: string; readonly keyPem: string },
): Compiled {
  const text = JSON.stringify({
    version: 1,
    anchors: ['anchors.pem'],
    egress: {
      ports: [443, ...options.ports],
      hosts: Object.fromEntries(options.hosts.map((host) => [host, ['127.0.0.1']])),
    },
    unmatched: { checks: { ct: 'off' } },
    limits: options.limits ?? {},
    ...config,
  });
  const whole = {
    version: 1,
    rules: rules.map((rule) => ({ allowPrivate: ['127.0.0.0/8'], anchors: ['anchors.pem'], ...rule })),
  };
  const policy = { file: '/test/policy.yaml', path: '/test/policy.yaml', owner: null, mayMatch: null, mayNot: [] };
  return compile(
    {
      number,
      sha256: String(number),
      config: { file: CONFIG_FILE, text },
      sources: rules.length === 0 ? [] : [{ ...policy, text: JSON.stringify(whole) }],
      shippedGroups: [],
      trust: {
        publicAnchors: PUBLIC_ANCHORS,
        systemAnchors: null,
        anchorFiles: [{ file: '/test/anchors.pem', text: options.anchors }],
        logList: null,
        crls: [],
        ownCas: [ca.certificatePem],
      },
      ca: { current: { ...ca, chainPem: '' }, next: null },
    },
    { signatures: createSignatureMemory(1000), certificates: createCertificateMemory(1000) },
  );
}
