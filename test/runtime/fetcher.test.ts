import { afterEach, describe, expect, it } from 'vitest';
import * as der from '../../src/pki/der/writer.ts';
import { Fetcher, type FetcherOptions, type FetchStore, nameOf } from '../../src/runtime/fetcher.ts';
import type { Wanted } from '../../src/runtime/messages.ts';
import { testClock } from '../support/clock.ts';
import { makeCrl } from '../support/crl-maker.ts';
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
  /** Kind and result. */
  readonly counted: string[];
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
    counted: [],
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
    count: (kind, result) => now.counted.push(`${kind} ${result}`),
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

  it('is asked for again at once when it ran out before the restart', async () => {
    const store = memoryStore();
    const before = world(store);
    before.fetcher.want([wantedCrl()]);
    await before.fetcher.turn();
    const later = testClock(AT);
    later.advance(400 * DAY_MS);
    const after = world(store, { clock: later });
    await after.fetcher.turn();
    expect(after.asked).toEqual([CRL_URL]);
  });

  it('is renewed although the clock was a year ahead and was set right since', async () => {
    const at = world();
    at.clock.setWall(AT_MS + 365 * DAY_MS);
    at.answers.delete(CRL_URL);
    at.fetcher.want([wantedCrl(), wantedIssuer()]);
    await at.fetcher.turn();
    at.clock.setWall(AT_MS);
    at.answers.set(CRL_URL, crlOf());
    await at.fetcher.turn();
    expect(at.asked).toEqual([CRL_URL, CRL_URL]);
    at.clock.setWall(AT_MS - 365 * DAY_MS);
    await at.fetcher.turn();
    expect(at.asked, 'nor is the pause between two requests a year').toHaveLength(3);
    at.clock.advance(10_000);
    await at.fetcher.turn();
    expect(at.asked[3]).toBe(ISSUER_URL);
    at.clock.setWall(AT_MS - 730 * DAY_MS);
    await at.fetcher.turn();
    expect(at.asked.slice(4), 'an issuer never changes').toEqual([CRL_URL]);
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

describe('what is counted and shown', () => {
  it('is how each fetch ended', async () => {
    const at = world();
    at.answers.set(ISSUER_URL, root.der);
    at.fetcher.want([wantedCrl(), wantedIssuer('http://other.test/a.cer'), wantedIssuer()]);
    await at.fetcher.turn();
    at.clock.advance(10_000);
    await at.fetcher.turn();
    expect(at.counted.toSorted()).toEqual(['crl taken', 'issuer failed', 'issuer refused']);
    at.clock.advance(DAY_MS);
    at.answers.set(ISSUER_URL, inter.der);
    await at.fetcher.turn();
    at.clock.advance(10_000);
    await at.fetcher.turn();
    expect(at.counted.slice(3).toSorted()).toEqual(['crl unchanged', 'issuer failed', 'issuer taken']);
  });

  it('is an answer for which there is no room', async () => {
    const filler = { oid: '1.2.3.4', critical: false, value: der.octetString(Buffer.alloc(4_000_000)) };
    const large = makeCrl(inter, { atMs: AT_MS, extensions: [filler] });
    const at = world(memoryStore(), { fetch: async () => await Promise.resolve(large) });
    at.fetcher.want(Array.from({ length: 9 }, (_, index) => wantedCrl(`http://h${index}.test/`)));
    await at.fetcher.turn();
    expect(at.counted).toEqual([...Array.from({ length: 8 }, () => 'crl taken'), 'crl full']);
    expect(at.lines.at(-1)).toContain('bytes are held already');
  });

  it('is what each URL has brought, and the age of the oldest CRL', async () => {
    const at = world();
    const empty = { fresh: 0, stale: 0, empty: 0 };
    expect(at.fetcher.status).toEqual({ urls: { crl: empty, issuer: empty }, oldestCrlMs: null });
    at.fetcher.want([wantedCrl(), wantedIssuer(), wantedIssuer('http://gone.test/a.cer')]);
    await at.fetcher.turn();
    at.clock.advance(10_000);
    await at.fetcher.turn();
    expect(at.fetcher.status).toEqual({
      urls: { crl: { ...empty, fresh: 1 }, issuer: { ...empty, fresh: 1, empty: 1 } },
      // Made a day before the moment of these tests.
      oldestCrlMs: DAY_MS + 10_000,
    });
    // Its issuer goes away, and the CRL runs out.
    at.answers.delete(CRL_URL);
    at.clock.advance(10 * DAY_MS);
    await at.fetcher.turn();
    expect(at.fetcher.status.urls.crl).toEqual({ ...empty, stale: 1 });
    at.on = ['issuer'];
    expect(at.fetcher.status.urls.crl).toEqual(empty);
    expect(at.fetcher.status.oldestCrlMs).toBeNull();
  });
});
