import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidrHolds, isIpv4Mapped, parseCidr, parseIp, printIp, unmapIp } from '../../src/model/ip.ts';

const ip = (text: string): Uint8Array => {
  const bytes = parseIp(text);
  if (bytes === null) throw new Error(text);
  return bytes;
};

describe('parseIp', () => {
  it.each([
    '',
    '127.1',
    '127.0.0.01',
    '0x7f.0.0.1',
    '2130706433',
    '256.0.0.1',
    '1.2.3.4.5',
    '1.2.3.',
    ' 1.2.3.4',
    '::1%eth0',
    '[::1]',
    ':',
    ':::',
    '1:::2',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1.2.3',
    '::256.1.1.1',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '12345::',
    'g::',
    `${'0:'.repeat(100)}1`,
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeNull();
  });

  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0000:0000:0000:0000:0002:0001', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
    ['::ffff:7f00:1', '::ffff:127.0.0.1'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['fe80:0:0:0:0:0:0:0', 'fe80::'],
  ])('%s prints as %s (RFC 5952)', (text, canonical) => {
    expect(printIp(ip(text))).toBe(canonical);
  });

  it('agrees with the runtime on what an address is', () => {
    const characters = fc.constantFrom('0', '1', '25', 'f', 'ffff', ':', '::', '.', 'g', '%');
    const texts = fc.array(characters, { maxLength: 17 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseIp(text) !== null).toBe(isIP(text) !== 0 && !text.includes('%'));
      }),
      { numRuns: 5_000 },
    );
  });

  it('reads back what it prints', () => {
    const sizes = fc.constantFrom(4, 16).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 });
    const all = fc.oneof(
      sizes,
      sparse.map((values) => Uint8Array.from(values)),
    );
    fc.assert(
      fc.property(all, (bytes) => {
        expect([...ip(printIp(bytes))]).toEqual([...bytes]);
        expect(isIP(printIp(bytes))).toBe(bytes.length === 4 ? 4 : 6);
      }),
    );
  });
});

describe('IPv4-mapped', () => {
  it('is told from its neighbours', () => {
    expect(isIpv4Mapped(ip('::ffff:1.2.3.4'))).toBe(true);
    expect(isIpv4Mapped(ip('::fffe:102:304'))).toBe(false);
    expect(isIpv4Mapped(ip('1::ffff:1.2.3.4'))).toBe(false);
    expect(isIpv4Mapped(ip('1.2.3.4'))).toBe(false);
    expect(printIp(unmapIp(ip('::ffff:1.2.3.4')))).toBe('1.2.3.4');
    expect(printIp(unmapIp(ip('::1')))).toBe('::1');
  });
});

describe('CIDR', () => {
  it.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.1/8',
    '::1/127',
    '::/129',
    '10/8',
    'x/8',
  ])('refuses %j', (text) => {
    expect(parseCidr(text)).toBeNull();
  });

  it.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['100.64.0.0/10', '100.127.255.255', true],
    ['100.64.0.0/10', '100.128.0.0', false],
    ['1.2.3.4', '1.2.3.4', true],
    ['1.2.3.4', '1.2.3.5', false],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', '::ffff:8.8.8.8', false],
    ['::/0', '8.8.8.8', false],
    ['fe80::/10', 'febf::1', true],
    ['fe80::/10', 'fec0::1', false],
    ['::1', '::1', true],
  ])('%s holds %s: %s', (range, address, holds) => {
    const cidr = parseCidr(range);
    expect(cidr !== null && cidrHolds(cidr, ip(address))).toBe(holds);
  });
});
