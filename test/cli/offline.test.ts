import { describe, expect, it } from 'vitest';
import { createBench, readAnchors, readHost } from '../../src/cli/offline.ts';
import { buildAnchorSet } from '../../src/pki/path/anchors.ts';
import { authority } from '../support/test-ca.ts';

describe('readHost', () => {
  it('reads names and addresses into their canonical form', () => {
    expect(readHost('GOOD.test.')).toEqual({ host: 'good.test', kind: 'name', port: 443 });
    expect(readHost('192.0.2.1')).toMatchObject({ host: '192.0.2.1', kind: 'ipv4' });
    expect(readHost('2001:DB8::1')).toMatchObject({ host: '2001:db8::1', kind: 'ipv6' });
    expect(readHost('[2001:db8::1]')).toMatchObject({ host: '2001:db8::1', kind: 'ipv6' });
    for (const text of ['', 'a b', 'good.test:443', '127.1', '*.good.test', 'good.\u212aest', 'https://good.test']) {
      expect(readHost(text)).toBeNull();
    }
  });
});

it('anchors that do not parse are counted and trust nothing', () => {
  const bench = createBench(buildAnchorSet('public', []));
  const root = authority({ cn: 'Root' });
  expect(readAnchors([root.der, root.der], bench).set.anchors).toHaveLength(1);
  const mixed = readAnchors([root.der, Buffer.from('junk')], bench);
  expect(mixed.malformed).toBe(1);
  expect(mixed.set.anchors).toHaveLength(1);
  expect(readAnchors([], bench)).toMatchObject({ malformed: 0, set: { anchors: [] } });
});
