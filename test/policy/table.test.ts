import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Authority } from '../../src/model/authority.ts';
import { liesWithin } from '../../src/policy/hosts.ts';
import type { HostPattern } from '../../src/policy/policy.ts';
import { PatternTable } from '../../src/policy/table.ts';

const place = { file: 'f', line: 1, column: 1 };
const pattern = (kind: HostPattern['kind'], host: string, port: number | null = null): HostPattern => ({
  kind,
  host,
  port,
  text: `${kind} ${host} ${port}`,
  place,
});
const name = (host: string, port = 443): Authority => ({ host, kind: 'name', port });

describe('PatternTable', () => {
  it('is not fooled by names that objects have', () => {
    const table = new PatternTable<string>();
    for (const host of ['__proto__', 'constructor', 'toString']) {
      expect(table.find(name(host), (value) => value)).toBeUndefined();
      expect(table.covers(name(`a.${host}`))).toBe(false);
    }
  });

  it('does not match addresses with wildcards, nor a domain with its own', () => {
    const table = new PatternTable<string>();
    table.set(pattern('deep', '2.10'), 'x');
    table.set(pattern('deep', 'bank.example'), 'y');
    expect(table.covers({ host: '192.0.2.10', kind: 'ipv4', port: 443 })).toBe(false);
    expect(table.covers(name('bank.example'))).toBe(false);
    expect(table.covers(name('evilbank.example'))).toBe(false);
  });

  it('goes on when a value is not accepted', () => {
    const table = new PatternTable<string>();
    table.set(pattern('exact', 'a.b.c', 443), 'exact+port');
    table.set(pattern('exact', 'a.b.c'), 'exact');
    table.set(pattern('one', 'b.c'), 'one');
    table.set(pattern('deep', 'b.c'), 'deep');
    table.set(pattern('deep', 'c', 443), 'deepest+port');
    const tried: string[] = [];
    table.find(name('a.b.c'), (...values) => void tried.push(...values.filter((value) => value !== undefined)));
    expect(tried).toEqual(['exact+port', 'exact', 'one', 'deep', 'deepest+port']);
  });

  it('gives back what was set', () => {
    const table = new PatternTable<number>();
    const withPort = pattern('one', 'x', 1);
    expect(table.get(withPort)).toBeUndefined();
    table.set(withPort, 7);
    expect(table.get(withPort)).toBe(7);
    expect(table.get(pattern('one', 'x'))).toBeUndefined();
  });

  it('answers as a matcher does that looks at every pattern', () => {
    const label = fc.constantFrom('a', 'b', 'c');
    const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
    const port = fc.constantFrom(null, 443, 444);
    const kind = fc.constantFrom('exact' as const, 'one' as const, 'deep' as const);
    const patterns = fc.array(
      fc.tuple(kind, host, port).map(([k, h, p]) => pattern(k, h, p)),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(patterns, host, fc.constantFrom(443, 444, 445), (all, asked, askedPort) => {
        const table = new PatternTable<HostPattern>();
        for (const one of all) table.set(one, one);
        const found = table.find(name(asked, askedPort), (forPort, anyPort) => forPort ?? anyPort);
        expect(found?.text).toBe(naive(all, asked, askedPort)?.text);
      }),
    );
  });
});

const RANK = { exact: 2, one: 1, deep: 0 };

/** All patterns that cover the host, sorted by the words of the documentation. */
function naive(all: readonly HostPattern[], host: string, port: number): HostPattern | undefined {
  return all
    .filter((one) => liesWithin({ kind: 'exact', host, port }, one))
    .sort(
      (left, right) =>
        RANK[right.kind] - RANK[left.kind] ||
        right.host.length - left.host.length ||
        Number(left.port === null) - Number(right.port === null),
    )[0];
}
