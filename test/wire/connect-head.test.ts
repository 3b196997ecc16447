import { describe, expect, it } from 'vitest';
import { fieldValues, HEAD_BYTES_MAX, readConnect, sizeFault } from '../../src/wire/connect-head.ts';
import cases from '../cases/wire/connect-heads.json' with { type: 'json' };

interface Case {
  readonly id: string;
  readonly method?: string;
  readonly url: string;
  readonly version?: string;
  readonly headers: readonly string[];
  readonly code?: string;
  readonly why?: string;
  readonly host?: string;
  readonly credentials?: string;
}

function headOf(one: Case) {
  const { method = 'CONNECT', url, version: httpVersion = '1.1', headers: rawHeaders } = one;
  return { method, url, httpVersion, rawHeaders };
}

const all = cases as readonly Case[];

describe('readConnect', () => {
  it.each(all.filter((one) => one.code !== undefined))('$id: $code, $why', (one) => {
    expect(readConnect(headOf(one))).toEqual({ ok: false, code: one.code, why: one.why });
  });

  it.each(all.filter((one) => one.code === undefined))('$id: asks for $host', (one) => {
    const read = readConnect(headOf(one));
    expect(read).toMatchObject({ ok: true, value: { proxyAuthorization: one.credentials ?? null } });
    expect(read.ok && read.value.authority.host).toBe(one.host);
  });

  it('refuses a head without target', () => {
    const head = { method: 'CONNECT', url: undefined, httpVersion: '1.1', rawHeaders: ['Host', 'a:1'] };
    expect(readConnect(head)).toEqual({ ok: false, code: 'request.authority', why: 'empty' });
  });

  it('refuses a target longer than any authority (A29)', () => {
    const head = {
      method: 'CONNECT',
      url: `${'a'.repeat(15_000)}:443`,
      httpVersion: '1.1',
      rawHeaders: ['Host', 'a:1'],
    };
    expect(readConnect(head)).toEqual({ ok: false, code: 'request.too-large', why: 'too-long' });
  });

  it('refuses more than 100 fields and more than 16 KiB', () => {
    const host = ['Host', 'pin.test:443'];
    const head = { method: 'CONNECT', url: 'pin.test:443', httpVersion: '1.1' };
    const fields = (count: number) => Array.from({ length: count }, () => ['x', 'y']).flat();
    expect(readConnect({ ...head, rawHeaders: [...host, ...fields(99)] }).ok).toBe(true);
    expect(readConnect({ ...head, rawHeaders: [...host, ...fields(100)] })).toEqual({
      ok: false,
      code: 'request.too-large',
      why: 'too-many-fields',
    });
    expect(readConnect({ ...head, rawHeaders: [...host, 'x', 'y'.repeat(HEAD_BYTES_MAX)] })).toEqual({
      ok: false,
      code: 'request.too-large',
      why: 'too-many-bytes',
    });
  });
});

describe('sizeFault', () => {
  it('counts what is there', () => {
    expect(sizeFault({ method: undefined, url: undefined, httpVersion: '1.1', rawHeaders: [] })).toBeNull();
  });
});

describe('fieldValues', () => {
  it('answers every value of a name in any case, and none of half a pair', () => {
    expect(fieldValues(['A', '1', 'b', '2', 'a', '3', 'a'], 'a')).toEqual(['1', '3']);
    expect(fieldValues([], 'a')).toEqual([]);
  });
});
