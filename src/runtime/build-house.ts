/**
 * Builds the House that the straight line lives in, and replaces its generation as a whole on reload.
 *
 * Does not: listen, record by itself, or read files.
 * The caller must: call `close` when the last tunnel has ended.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../host/clock.ts';
import { createShelf } from '../minting/shelf.ts';
import { type Signers, signerAt } from '../minting/signer.ts';
import type { Recorder } from '../observe/recorder.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import type { Config } from '../policy/config.ts';
import { createAlpnMemory } from '../proxy/alpn-memory.ts';
import { createGate } from '../proxy/gate.ts';
import type { House } from '../proxy/house.ts';
import { createIntermediates } from '../proxy/intermediates.ts';
import { DEFAULT_LIMITS, type Limits } from '../proxy/limits.ts';
import { createTunnels } from '../proxy/tunnels.ts';
import type { OwnEndpoint } from '../upstream/addresses.ts';
import { createResolver, type Resolver } from '../upstream/resolve.ts';
import { createCertificateMemory } from '../verify/certificate-memory.ts';
import type { Compiled } from './compile.ts';
import { NOTHING_FETCHED, readFetched, withFetched } from './fetched.ts';
import { createLearner } from './learner.ts';
import type { FetchedMaterial, Wanted } from './messages.ts';

/** Certificates parsed for the pool when the snapshot brings no memory of its own. */
const UNSHARED_MEMORY = 1_000;

export interface HouseParts {
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly ticketKeys: Uint8Array;
  /** Our own sockets, which are never dialled. */
  readonly own: readonly OwnEndpoint[];
  readonly first: Compiled;
  /** What an earlier run or worker fetched. */
  readonly fetched?: FetchedMaterial;
  /** Takes what may be fetched; absent: nobody fetches. */
  readonly want?: (items: readonly Wanted[]) => void;
}

export interface BuiltHouse {
  readonly house: House;
  /** New tunnels are judged by `next` from now on. */
  apply(next: Compiled): void;
  /** Replaces what was fetched; what is open is for the caller to judge again. */
  provide(material: FetchedMaterial): void;
  /** Seals the tickets of new handshakes; those of before are not taken any more. */
  renewTickets(ticketKeys: Uint8Array): void;
  startDraining(): void;
  close(): void;
}

export function buildHouse(parts: HouseParts): BuiltHouse {
  const { clock, recorder, own } = parts;
  let now = parts.first;
  let fetched = parts.fetched === undefined ? NOTHING_FETCHED : readFetched(parts.fetched);
  let trust = withFetched(now.trust, fetched);
  let authorities = authoritiesOf(now.signers);
  let draining = false;
  const intermediates = createIntermediates(now.trust.certificates ?? createCertificateMemory(UNSHARED_MEMORY));
  const learn = createLearner({
    clock,
    config: () => now.generation.config,
    intermediates,
    want: parts.want ?? (() => undefined),
  });
  const renew = (): void => {
    trust = withFetched(now.trust, fetched);
    authorities = authoritiesOf(now.signers);
    intermediates.provide([...now.intermediates, ...fetched.issuers]);
    if (now.generation.config.aia === 'off') intermediates.forget();
  };
  renew();
  const limits = limitsOf(now.generation.config);
  let resolver = resolverOf(now.generation.config, own);
  const shelf = createShelf({
    signer: () => signerAt(now.signers, clock.nowMs()),
    clock,
    maxEntries: now.generation.config.limits.leaves,
    ticketKeys: Buffer.from(parts.ticketKeys),
    onMinted: (durationMs) => recorder.minted(durationMs),
  });
  const house: House = {
    clock,
    limits,
    generation: () => now.generation,
    trust: () => trust,
    authorities: () => authorities,
    intermediates: (presented) => intermediates.complete(presented),
    learn,
    get resolver() {
      return resolver;
    },
    shelf,
    recorder,
    gate: createGate(limits),
    tunnels: createTunnels(),
    alpnMemory: createAlpnMemory(),
    eventId: () => randomUUID(),
    draining: () => draining,
  };
  return {
    house,
    apply(next) {
      const before = resolver;
      resolver = resolverOf(next.generation.config, own);
      now = next;
      renew();
      before.close();
    },
    provide(material) {
      fetched = readFetched(material, fetched);
      renew();
    },
    renewTickets: (ticketKeys) => shelf.renewTickets(Buffer.from(ticketKeys)),
    startDraining() {
      draining = true;
    },
    close: () => resolver.close(),
  };
}

/** What clients learn: the CA that signs, and the one that will. */
function authoritiesOf({ current, next }: Signers): readonly Certificate[] {
  return [current, ...(next === null ? [] : [next])].map(({ ca }) => {
    const parsed = parseCertificate(ca.certificate.raw);
    if (!parsed.ok) throw new TypeError(`a loaded CA cannot be parsed: ${parsed.why}`);
    return parsed.value;
  });
}

function resolverOf({ egress }: Config, own: readonly OwnEndpoint[]): Resolver {
  return createResolver({ hosts: egress.hosts, servers: egress.dns.servers, own, timeoutMs: egress.dns.timeoutMs });
}

function limitsOf({ limits }: Config): Limits {
  return {
    ...DEFAULT_LIMITS,
    connections: limits.connections,
    connectionsPerClient: limits.connectionsPerClient,
    openingPerClient: limits.handshakesPerClient,
    headersTimeoutMs: limits.headTimeoutMs,
    helloTimeoutMs: limits.helloTimeoutMs,
    dialTimeoutMs: limits.dialTimeoutMs,
    handshakeTimeoutMs: limits.handshakeTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
  };
}
