import { describe, expect, it } from 'vitest';
import { type Cidr, parseCidr, parseIp } from '../../src/model/ip.ts';
import { type AddressVerdict, judgeAddress, type OwnEndpoint } from '../../src/upstream/addresses.ts';

const ip = (text: string): Uint8Array => parseIp(text) ?? new Uint8Array();
const cidrs = (...texts: readonly string[]): Cidr[] => texts.flatMap((text) => parseCidr(text) ?? []);

interface With {
  readonly allow?: readonly string[];
  readonly own?: readonly OwnEndpoint[];
  readonly interfaces?: readonly string[];
  readonly port?: number;
}

function judge(address: string, { allow = [], own = [], interfaces = [], port = 443 }: With = {}): AddressVerdict {
  return judgeAddress(ip(address), port, cidrs(...allow), { endpoints: own, interfaces: interfaces.map(ip) });
}

describe('addresses that may not be dialled', () => {
  it.each([
    ['0.0.0.0', 'this network'],
    ['0.1.2.3', 'this network'],
    ['10.0.0.1', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['100.127.255.255', 'carrier-grade NAT'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.1', 'protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', '6to4 relay'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmark'],
    ['198.19.255.255', 'benchmark'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::7f00:1', 'IPv4-compatible'],
    ['::5db8:d822', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'IPv4-mapped'],
    ['::ffff:93.184.216.34', 'IPv4-mapped'],
    ['::ffff:0:7f00:1', 'IPv4-translated'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['64:ff9b::5db8:d822', 'NAT64'],
    ['64:ff9b:1::1', 'local NAT64'],
    ['100::1', 'discard'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'Teredo'],
    ['2001:2::1', 'benchmark'],
    ['2001:10::1', 'ORCHID'],
    ['2001:20::1', 'ORCHID'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::1', '6to4'],
    ['2002:5db8:d822::1', '6to4'],
    ['3fff::1', 'documentation'],
    ['5f00::1', 'segment routing'],
    ['fc00::1', 'unique local'],
    ['fdff::1', 'unique local'],
    ['fe80::1', 'link-local'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['4000::1', 'unassigned'],
    ['200::1', 'unassigned'],
  ])('%s: %s', (address, range) => {
    expect(judge(address)).toEqual({ ok: false, code: 'address.denied', range });
  });

  it('what is embedded needs its own permission', () => {
    expect(judge('64:ff9b::7f00:1', { allow: ['64:ff9b::/96'] })).toMatchObject({ ok: false, range: 'loopback' });
    expect(judge('2002:a00:1::1', { allow: ['2002::/16'] })).toMatchObject({ ok: false, range: 'private' });
    expect(judge('::ffff:10.0.0.1', { allow: ['::ffff:0:0/96'] })).toMatchObject({ ok: false, range: 'private' });
    expect(judge('::ffff:10.0.0.1', { allow: ['10.0.0.0/8'] })).toMatchObject({ ok: false, range: 'IPv4-mapped' });
    expect(judge('64:ff9b::5db8:d822', { allow: ['64:ff9b::/96'] })).toEqual({ ok: true });
    expect(judge('64:ff9b::a00:1', { allow: ['64:ff9b::/96', '10.0.0.0/8'] })).toEqual({ ok: true });
  });

  it('a permission is for its range only', () => {
    expect(judge('10.1.0.1', { allow: ['10.0.0.0/16'] })).toMatchObject({ ok: false });
    expect(judge('::1', { allow: ['127.0.0.0/8'] })).toMatchObject({ ok: false });
  });
});

describe('ourselves', () => {
  const self = { ok: false, code: 'address.self', range: 'the proxy itself' };
  const allow = ['0.0.0.0/0', '::/0'];

  it.each<[string, With]>([
    ['127.0.0.1', { own: [{ address: '127.0.0.1', port: 3128 }] }],
    ['::ffff:127.0.0.1', { own: [{ address: '127.0.0.1', port: 3128 }] }],
    ['127.0.0.1', { own: [{ address: '::ffff:127.0.0.1', port: 3128 }] }],
    ['0.0.0.0', { own: [{ address: '127.0.0.1', port: 3128 }] }],
    ['::', { own: [{ address: '127.0.0.1', port: 3128 }] }],
    ['127.9.9.9', { own: [{ address: '0.0.0.0', port: 3128 }] }],
    ['::1', { own: [{ address: '::', port: 3128 }] }],
    ['10.0.0.5', { own: [{ address: '::', port: 3128 }], interfaces: ['127.0.0.1', '10.0.0.5'] }],
    ['::ffff:10.0.0.5', { own: [{ address: '0.0.0.0', port: 3128 }], interfaces: ['10.0.0.5'] }],
    ['2606:4700::1', { own: [{ address: '::', port: 3128 }], interfaces: ['2606:4700::1'] }],
    ['93.184.216.34', { own: [{ address: '93.184.216.34', port: 3128 }] }],
  ])('%s is the proxy, whatever is allowed', (address, other) => {
    expect(judge(address, { allow, port: 3128, ...other })).toEqual(self);
  });

  it.each<[string, With]>([
    ['127.0.0.1', { own: [{ address: '127.0.0.1', port: 9464 }] }],
    ['127.0.0.2', { own: [{ address: '127.0.0.1', port: 3128 }] }],
    ['10.0.0.6', { own: [{ address: '::', port: 3128 }], interfaces: ['10.0.0.5'] }],
    ['::2', { own: [{ address: '::', port: 3128 }] }],
    ['127.0.0.1', { own: [{ address: 'unix', port: 3128 }] }],
  ])('%s is not', (address, other) => {
    expect(judge(address, { allow: [...allow, '::/96'], port: 3128, ...other })).not.toEqual(self);
  });
});

describe('addresses that may', () => {
  it.each([
    '93.184.216.34',
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '223.255.255.255',
    '2606:4700::1',
    '2a00::1',
    '2001:4860::8888',
  ])('%s is public', (address) => {
    expect(judge(address)).toEqual({ ok: true });
  });

  it.each([
    ['10.1.2.3', '10.0.0.0/8'],
    ['127.0.0.1', '127.0.0.1'],
    ['fd00::5', 'fd00::/8'],
    ['4000::1', '4000::/16'],
  ])('%s is allowed by %s', (address, range) => {
    expect(judge(address, { allow: [range] })).toEqual({ ok: true });
  });
});
