import { describe, expect, it } from 'vitest';
import { asProblem } from '../../src/model/problem.ts';
import type { ClientGroup } from '../../src/policy/config.ts';
import { clientOf, peerAddress, readAuthority } from '../../src/proxy/admission.ts';

const GROUPS: readonly ClientGroup[] = [
  { name: 'broken', ranges: ['not a range'] },
  { name: 'ci', ranges: ['10.4.0.0/16', '2001:db8::/32'] },
  { name: 'host', ranges: ['10.4.0.7/32'] },
];

function groupsOf(address: string): readonly string[] {
  return clientOf({ address, port: 1 }, GROUPS).groups;
}

describe('who asks', () => {
  it.each([
    [undefined, 'unix'],
    ['junk', 'unix'],
    ['fe80::1%eth0', 'unix'],
    ['::ffff:10.4.0.7', '10.4.0.7'],
    ['10.4.0.7', '10.4.0.7'],
    ['2001:DB8::1', '2001:db8::1'],
  ])('peer %s is %s', (remoteAddress, address) => {
    expect(peerAddress({ remoteAddress })).toBe(address);
  });

  it('is in no group by a unix socket, or outside every range', () => {
    expect(groupsOf('unix')).toEqual([]);
    expect(groupsOf('10.5.0.1')).toEqual([]);
    expect(groupsOf('::10.4.0.7')).toEqual([]);
  });

  it('is in every group whose ranges hold the address, in the order of the file', () => {
    expect(groupsOf('10.4.0.7')).toEqual(['ci', 'host']);
    expect(groupsOf('2001:db8::5')).toEqual(['ci']);
  });
});

describe('for what', () => {
  const head = (url: string, ...rawHeaders: string[]) => ({ method: 'CONNECT', url, httpVersion: '1.1', rawHeaders });

  it.each([
    ['no host', head(':443', 'Host', ':443'), 'request.authority'],
    ['another Host', head('a.test:443', 'Host', 'b.test:443'), 'request.malformed'],
    ['content', head('a.test:443', 'Host', 'a.test:443', 'Content-Length', '5'), 'request.malformed'],
  ])('%s: %s', (_what, request, code) => {
    let problem = null;
    try {
      readAuthority(request);
    } catch (thrown) {
      problem = asProblem(thrown);
    }
    expect(problem).toMatchObject({ code, side: 'client' });
    expect(problem?.facts['why']).toEqual(expect.any(String));
  });

  it('the authority in canonical form', () => {
    expect(readAuthority(head('A.Test.:443', 'Host', 'a.test'))).toEqual({ host: 'a.test', kind: 'name', port: 443 });
  });
});
