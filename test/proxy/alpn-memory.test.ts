import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { couldChooseOtherwise, createAlpnMemory, DEFAULT_ALPN } from '../../src/proxy/alpn-memory.ts';

describe('the memory', () => {
  it('guesses the default for a host that it does not know', () => {
    expect(createAlpnMemory().guess('a.test')).toEqual(DEFAULT_ALPN);
  });

  it('forgets a list that is too long, and goes back to the default with the clients', () => {
    const memory = createAlpnMemory();
    memory.remember('a.test', ['http/1.1']);
    expect(memory.guess('a.test')).toEqual(['http/1.1']);
    memory.remember('a.test', Array.from({ length: 9 }, String));
    expect(memory.guess('a.test')).toEqual(DEFAULT_ALPN);
    memory.remember('a.test', []);
    expect(memory.guess('a.test')).toEqual([]);
    memory.remember('a.test', ['h2', 'http/1.1']);
    expect(memory.guess('a.test')).toEqual(DEFAULT_ALPN);
  });

  it('is bounded: the host that was remembered longest ago goes first', () => {
    const memory = createAlpnMemory(2);
    memory.remember('a.test', ['a']);
    memory.remember('b.test', ['b']);
    memory.remember('a.test', ['a']);
    memory.remember('c.test', ['c']);
    expect(['a', 'b', 'c'].map((host) => memory.guess(`${host}.test`)[0])).toEqual(['a', 'h2', 'c']);
  });

  it('forgets a host that failed with its list', () => {
    const memory = createAlpnMemory();
    memory.remember('a.test', ['http/1.1']);
    memory.forget('a.test');
    expect(memory.guess('a.test')).toEqual(DEFAULT_ALPN);
  });

  it('knows no host from Object.prototype', () => {
    expect(createAlpnMemory().guess('__proto__')).toEqual(DEFAULT_ALPN);
  });
});

describe('couldChooseOtherwise', () => {
  it.each([
    [['h2', 'http/1.1'], 'h2', ['http/1.1'], true],
    [['h2', 'http/1.1'], 'http/1.1', ['http/1.1', 'h2'], true],
    [['h2', 'http/1.1'], 'http/1.1', ['http/1.1', 'h3'], true],
    [['h2', 'http/1.1'], null, ['h2', 'foo'], true],
    [['h2', 'http/1.1'], 'h2', [], true],
    [['h2', 'http/1.1'], 'h2', ['h2', 'h2'], true],
    [[], null, ['h2'], true],
    [['h2', 'http/1.1'], 'h2', ['h2', 'http/1.1'], false],
    [['h2', 'http/1.1'], 'http/1.1', ['http/1.1'], false],
    [['h2', 'http/1.1'], null, [], false],
    [['h2', 'http/1.1'], null, ['http/1.1'], false],
    [[], null, [], false],
  ] as const)('guessed %j, chosen %j, real %j: %j', (guessed, chosen, real, expected) => {
    expect(couldChooseOtherwise(guessed, chosen, real)).toBe(expected);
  });

  // Servers that go by their own order and servers that go by the client's, over a small alphabet.
  const lists = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'));
  const choose = (order: readonly string[], allowed: readonly string[]) =>
    order.find((protocol) => allowed.includes(protocol)) ?? null;

  it('never says no when a server would have chosen otherwise', () => {
    fc.assert(
      fc.property(lists, lists, lists, fc.boolean(), (guessed, real, server, ownOrder) => {
        const pick = (offer: readonly string[]) => (ownOrder ? choose(server, offer) : choose(offer, server));
        const chosen = pick(guessed);
        if (!couldChooseOtherwise(guessed, chosen, real)) expect(pick(real)).toBe(chosen);
      }),
      { numRuns: 2000 },
    );
  });
});
