/** Whatever is sent as an authority: never a throw, and what is accepted reads the same again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printAuthority } from '../../src/model/authority.ts';
import { parseAuthority, parseHost, parseHttpTarget } from '../../src/wire/authority.ts';
import { readConnect } from '../../src/wire/connect-head.ts';

const pieces = fc.constantFrom(
  'a',
  'Z',
  '0',
  '9',
  '443',
  '.',
  ':',
  '[',
  ']',
  '-',
  '_',
  '@',
  '/',
  '%',
  '0x',
  '::',
  '*',
  ' ',
  '\r\n',
  '\0',
  'xn--',
  'ü',
  '127.0.0.1',
  'pin.test',
);
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join('')),
);

describe('authority', () => {
  it('never throws, and what it accepts is canonical', () => {
    fc.assert(
      fc.property(texts, (text) => {
        parseHost(text);
        const read = parseAuthority(text);
        if (!read.ok) return;
        const { host, kind, port } = read.value;
        expect(host).toMatch(/^[a-z0-9._:-]{1,253}$/);
        expect(port >= 1 && port <= 65_535 && Number.isInteger(port)).toBe(true);
        expect(kind === 'ipv6').toBe(host.includes(':'));
        expect(parseAuthority(printAuthority(read.value))).toEqual(read);
      }),
      { numRuns: 5_000 },
    );
  });

  it('never throws on request targets and heads', () => {
    fc.assert(
      fc.property(texts, fc.array(texts, { maxLength: 8 }), (text, fields) => {
        const target = parseHttpTarget(`http://${text}`);
        if (target.ok) expect(target.value.path).toMatch(/^\/[\x21-\x7e]*$/);
        readConnect({ method: 'CONNECT', url: text, httpVersion: '1.1', rawHeaders: fields });
        readConnect({
          method: 'CONNECT',
          url: 'pin.test:443',
          httpVersion: '1.1',
          rawHeaders: ['Host', text, ...fields],
        });
      }),
      { numRuns: 2_000 },
    );
  });
});
