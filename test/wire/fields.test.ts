import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endToEnd, endToEndTrailers, grouped, listMembers, viaField } from '../../src/wire/fields.ts';

describe('fields of one connection', () => {
  it.each([
    ['Connection', 'close'],
    ['Keep-Alive', 'timeout=5'],
    ['TE', 'trailers'],
    ['Trailer', 'X-Sum'],
    ['Transfer-Encoding', 'chunked'],
    ['Upgrade', 'h2c'],
    ['HTTP2-Settings', 'AAA'],
    ['Proxy-Connection', 'keep-alive'],
    ['Proxy-Authorization', 'Basic x'],
    ['Proxy-Authenticate', 'Basic'],
    ['Proxy-Authentication-Info', 'x'],
    ['Proxy-Status', 'pinwarden; details="forged"'],
    ['pRoXy-aNyThInG', 'x'],
  ])('%s is not passed on', (name, value) => {
    expect(endToEnd(['X-A', '1', name, value, 'X-B', '2'])).toEqual([
      ['X-A', '1'],
      ['X-B', '2'],
    ]);
  });

  it('what Connection lists is not passed on, in any case and wherever it stands', () => {
    const raw = ['X-One', '1', 'Connection', 'close, x-ONE ,,', 'x-two', '2', 'connection', 'X-Two'];
    expect(endToEnd(raw)).toEqual([]);
  });

  it.each(['Host', 'Authorization', 'Cookie', 'Content-Length', 'Content-Type', 'Cache-Control', 'X-Forwarded-For'])(
    'Connection cannot remove %s',
    (name) => {
      expect(endToEnd(['Connection', `close, ${name}`, name, 'kept'])).toEqual([[name, 'kept']]);
    },
  );
});

describe('the rest', () => {
  it('keeps order, case and repetition', () => {
    const raw = ['X-A', '1', 'Set-Cookie', 'a', 'x-a', '2', 'Set-Cookie', 'b', '__proto__', 'p', 'constructor', ''];
    expect(endToEnd(raw).flat()).toEqual(raw);
  });

  it('leaves out what the caller replaces', () => {
    expect(endToEnd(['Host', 'a', 'X', '1'], new Set(['host']))).toEqual([['X', '1']]);
  });

  it('never throws, and never passes on a field of one connection', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 40 }), (raw) => {
        const names = endToEnd(raw).map(([name]) => name.toLowerCase());
        return !names.some(
          (name) => name === 'connection' || name === 'transfer-encoding' || name.startsWith('proxy-'),
        );
      }),
    );
  });
});

it('trailers carry neither framing nor routing nor credentials', () => {
  const raw = ['Content-Length', '5', 'Host', 'a', 'Transfer-Encoding', 'chunked', 'Authorization', 'x', 'X-Sum', '1'];
  expect(endToEndTrailers(raw)).toEqual([['X-Sum', '1']]);
});

it('members of a list are split, trimmed and in lower case', () => {
  expect(listMembers(['Connection', 'Close, Upgrade', 'connection', ' ,x'], 'connection')).toEqual([
    'close',
    'upgrade',
    'x',
  ]);
});

it('fields of one name come together, and none of the prototype', () => {
  expect(
    grouped([
      ['X-A', '1'],
      ['__proto__', 'p'],
      ['x-a', '2'],
    ]),
  ).toEqual([
    ['X-A', ['1', '2']],
    ['__proto__', ['p']],
  ]);
});

it('Via says the version that came and nothing about the client', () => {
  expect(viaField('1.0')).toEqual(['Via', '1.0 pinwarden']);
});
