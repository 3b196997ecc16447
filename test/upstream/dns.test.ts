import { afterEach, describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { dnsProblem, serverNames, systemNames } from '../../src/upstream/dns.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { problemOf } from './support.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (closers.length > 0) await closers.pop()?.();
});

describe('dnsProblem', () => {
  it.each([
    [{ code: 'ENOTFOUND' }, 'dns.not-found'],
    [{ code: 'ENODATA' }, 'dns.not-found'],
    [{ code: 'ETIMEOUT' }, 'dns.timeout'],
    [{ code: 'ECANCELLED' }, 'dns.timeout'],
    [{ code: 'ESERVFAIL' }, 'dns.failure'],
    [{ code: 'EAI_AGAIN' }, 'dns.failure'],
    [{ code: 7 }, 'dns.failure'],
    [null, 'dns.failure'],
  ] as const)('%j is %s', (thrown, code) => {
    expect(dnsProblem(thrown).code).toBe(code);
  });

  it('keeps a Problem', () => {
    const problem = new Problem('dns.timeout', 'upstream');
    expect(dnsProblem(problem)).toBe(problem);
  });
});

describe('serverNames', () => {
  it('tells a resolver that fails before a family that has nothing', async () => {
    const dns = await startDnsServer({ 'half.test': (type) => (type === 'A' ? [] : 'servfail') });
    const names = serverNames([dns.server]);
    closers.push(async () => {
      names.close();
      await dns.close();
    });
    expect((await problemOf(names.addresses('half.test', AbortSignal.abort(), 'a'))).code).toBe('dns.failure');
  });
});

describe('systemNames', () => {
  it('drops a question that nobody waits for any more', async () => {
    const names = systemNames();
    expect((await problemOf(names.addresses('localhost', AbortSignal.abort(), 'a'))).code).toBe('dns.timeout');
    names.close();
  });

  it('lets more wait than may ask at once', async () => {
    const names = systemNames();
    const wanted = new AbortController().signal;
    const all = await Promise.all(Array.from({ length: 9 }, () => names.addresses('localhost', wanted, 'a')));
    expect(all.every((found) => found.length > 0)).toBe(true);
  });
});
