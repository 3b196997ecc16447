import { describe, expect, it } from 'vitest';
import { authority, type Spec } from '../../support/test-ca.ts';
import { AT, evidenceOf, trustOf, verify } from '../verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const trust = trustOf({ anchors: [root] });

function judge(spec: Spec, host: string, kind: 'name' | 'ipv4' | 'ipv6' = 'name') {
  const evidence = evidenceOf([root.issueLeaf({ cn: 'subject.test', ...spec })], {
    authority: { host, kind, port: 443 },
  });
  const { identity } = verify(evidence, trust).report.outcomes;
  return identity.is === 'fail' ? identity.findings[0].code : identity.is;
}

describe('identity', () => {
  it.each<readonly [string, Spec, string]>([
    ['identity.no-san', {}, 'subject.test'],
    ['identity.mismatch', { dns: ['other.test'] }, 'subject.test'],
    ['identity.mismatch', { dns: ['*.test'] }, 'a.b.test'],
    ['identity.mismatch', { dns: ['f*.pin.test'] }, 'foo.pin.test'],
    ['identity.mismatch', { email: ['pin.test'], uri: ['https://pin.test'] }, 'pin.test'],
    ['identity.mismatch', { dns: ['x.test, DNS:pin.test'] }, 'pin.test'],
    ['identity.public-suffix', { dns: ['*.co.uk'] }, 'a.co.uk'],
  ])('is %s for %j and %s', (code, spec, host) => {
    expect(judge(spec, host)).toBe(code);
  });

  it('passes for names and addresses that are there', () => {
    expect(judge({ dns: ['GOOD.test'] }, 'good.test')).toBe('pass');
    expect(judge({ dns: ['*.good.test'] }, 'a.good.test')).toBe('pass');
    expect(judge({ ip: ['192.0.2.1'] }, '192.0.2.1', 'ipv4')).toBe('pass');
    expect(judge({ ip: ['2001:db8::1'] }, '2001:db8::1', 'ipv6')).toBe('pass');
  });
});
