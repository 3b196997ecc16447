import { expect, it } from 'vitest';
import { printAuthority } from '../../src/model/authority.ts';

it('prints brackets around IPv6 only', () => {
  expect(printAuthority({ host: '2001:db8::1', kind: 'ipv6', port: 443 })).toBe('[2001:db8::1]:443');
  expect(printAuthority({ host: '192.0.2.1', kind: 'ipv4', port: 443 })).toBe('192.0.2.1:443');
  expect(printAuthority({ host: 'good.test', kind: 'name', port: 8443 })).toBe('good.test:8443');
});
