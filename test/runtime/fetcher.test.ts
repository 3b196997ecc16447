import { afterEach, describe, expect, it } from 'vitest';
import { Fetcher, type FetcherOptions, type FetchStore, nameOf } from '../../src/runtime/fetcher.ts';
import type { Wanted } from '../../src/runtime/messages.ts';
import { testClock } from '../support/clock.ts';
import {
  AT,
  AT_MS,
  CRL_URL,
  crlOf,
  DAY_MS,
  ISSUER_URL,
  inter,
  memoryStore,
  root,
  wantedCrl,
  wantedIssuer,
} from './fetch-cases.ts';

const MINUTE_MS = 60_000;
const fetchers: Fetcher[] = [];

afterEach(() => {
  for (const one of fetchers.splice(0)) one.stop();
});

interface World {
  readonly fetcher: Fetcher;
  readonly clock: ReturnType<typeof testClock>;
  readonly asked: string[];
  readonly lines: string[];
  changes: number;
  on: Wanted['kind'][];
  answers: Map<string, Buffer>;
}

function world(store: FetchStore = memoryStore(), changes: Partial<FetcherOptions> = {}): World {
  const clock = testClock(AT);
  const now = {
    clock,
    asked: [],
    lines: [],
    changes: 0,
    on: ['crl', 'issuer'],
    answers: new Map(),
  } as unknown as World;
  now.answers.set(CRL_URL, crlOf()).set(ISSUER_URL, inter.der);
  const fetcher = new Fetcher({
    clock,
    isOn: (kind) => now.on.includes(kind),
    store,
    changed: () => {
      now.changes += 1;
    },
    log: (line) => now.lines.push(line),
    fetch: async (url) => {
      now.asked.push(url);
      const answer = now.answers.get(url);
      if (answer === undefined) throw new Error('status 404');
      return await Promise.resolve(answer);
    },
    ...changes,
  });
  fetchers.push(fetcher);
  return Object.assign(now, { fetcher });
}

describe('what is not fetched', () => {
  it('is what is switched off, also when it is held', async () => {
    const at = world();
    at.on = [];
    at.fetcher.want([wantedCrl(), wantedIssuer()]);
    await at.fetcher.turn();
    expect(at.asked).toEqual([]);
    at.on = ['crl'];
    at.fetcher.want([wantedCrl(), wantedIssuer()]);
    await at.fetcher.turn();
    expect(at.asked).toEqual([CRL_URL]);
    at.on = [];
    expect(at.fetcher.material).toEqual({ crls: [], issuers: [] });
  });

  it('is what nobody could fetch', async () => {
    const at = world();
    at.fetcher.want([wantedCrl('http://')]);
    await at.fetcher.turn();
    expect(at.asked).toEqual([]);
  });

  it('is more than the list holds', async () => {
    const at = world();
    at.fetcher.want(Array.from({ length: 1_100 }, (_, index) => wantedCrl(`http://h${index}.test/`)));
    await at.fetcher.turn();
    expect(at.asked).toHaveLength(1_000);
  });
});

describe('a failure', () => {
  it('is told once, and tried again later and later', async () => {
    const at = world();
    at.answers.delete(CRL_URL);
    at.fetcher.want([wantedCrl()]);
    await at.fetcher.turn();
    expect(at.lines).toEqual([`fetch: crl ${CRL_URL}: status 404`]);
    for (const [waitMs, asked] of [
      [9, 1],
      [1, 2],
      [19, 2],
      [1, 3],
      [40, 4],
    ] as const) {
      at.clock.advance(waitMs * MINUTE_MS);
      await at.fetcher.turn();
      expect(at.asked).toHaveLength(asked);
    }
    expect(at.lines).toHaveLength(1);
    expect(at.fetcher.material.crls).toEqual([]);
  });

  it('is an answer that the certificate does not promise', async () => {
    const at = world();
    at.answers.set(CRL_URL, crlOf(root));
    at.fetcher.want([wantedCrl()]);
    await at.fetcher.turn();
    expect(at.lines[0]).toContain('not what the certificate promises');
    expect(at.changes).toBe(0);
  });

  it('does not push out what is held', async () => {
    const at = world();
    at.fetcher.want([wantedCrl()]);
    await at.fetcher.turn();
    const { material } = at.fetcher;
    at.answers.set(CRL_URL, crlOf(inter, AT_MS - DAY_MS));
    at.clock.advance(3 * DAY_MS);
    await at.fetcher.turn();
    expect(at.asked).toHaveLength(2);
    expect(at.fetcher.material).toEqual(material);
  });
});

describe('what is fetched', () => {
  it('is told once for all, and each host is left in peace between two requests', async () => {
    const at = world();
    at.fetcher.want([wantedCrl(), wantedIssuer(), wantedCrl()]);
    await at.fetcher.turn();
    expect(at.asked).toEqual([CRL_URL]);
    at.clock.advance(10_000);
    await at.fetcher.turn();
    expect(at.asked).toEqual([CRL_URL, ISSUER_URL]);
    expect(at.changes).toBe(2);
    expect(at.fetcher.material).toEqual({ crls: [at.answers.get(CRL_URL)], issuers: [inter.der] });
  });

  it('is renewed after half of its life, and told when it is new', async () => {
    const at = world();
    at.fetcher.want([wantedCrl()]);
    await at.fetcher.turn();
    at.clock.advance(DAY_MS - 1);
    await at.fetcher.turn();
    expect(at.asked).toHaveLength(1);
    at.clock.advance(1);
    await at.fetcher.turn();
    expect([at.asked.length, at.changes]).toEqual([2, 1]);
    at.answers.set(CRL_URL, crlOf(inter, AT_MS + DAY_MS));
    at.clock.advance(DAY_MS);
    await at.fetcher.turn();
    expect([at.asked.length, at.changes]).toEqual([3, 2]);
  });

  it('survives a restart, and is not believed because it lies on our disk', async () => {
    const store = memoryStore();
    const before = world(store);
    before.fetcher.want([wantedCrl()]);
    await before.fetcher.turn();
    const forged = { ...wantedCrl('http://other.test/'), certificate: root.der };
    store.save(nameOf(forged), { wanted: forged, bytes: crlOf() });
    const after = world(store);
    expect(after.fetcher.material.crls).toEqual(before.fetcher.material.crls);
    await after.fetcher.turn();
    expect(after.asked).toEqual([]);
  });

  it('is forgotten when no certificate has named it for a month', async () => {
    const store = memoryStore();
    const at = world(store);
    at.fetcher.want([wantedIssuer()]);
    await at.fetcher.turn();
    at.clock.advance(29 * DAY_MS);
    at.fetcher.want([wantedIssuer()]);
    at.clock.advance(29 * DAY_MS);
    await at.fetcher.turn();
    expect(at.fetcher.material.issuers).toHaveLength(1);
    at.clock.advance(2 * DAY_MS);
    await at.fetcher.turn();
    expect(at.fetcher.material.issuers).toHaveLength(0);
    expect(store.kept.size).toBe(0);
  });
});
