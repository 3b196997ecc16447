/** x509-limbo, `pathological` and the CVE about loops: every question by its name there. */
import { distinguishedName } from '../support/extensions.ts';
import { authority, type Issued } from '../support/test-ca.ts';
import { AT, type BatchCase, HOST } from './batch.ts';
import { describeLedger, type Row } from './ledger.ts';
import { expiredCross, leaf } from './limbo-chains.ts';

const LONG_AGO = { notBefore: '1980-01-01T00:00:00Z', notAfter: '1988-11-25T00:00:00Z' };

/** root two → expired cross-certificate for root → leaf, with both roots trusted. */
function chainOfPain(): BatchCase {
  const [one, two] = ['One', 'Two'].map((cn) => authority({ cn, at: AT })) as [Issued, Issued];
  return { chain: [leaf({}, one), two.crossSign(one, { pathLength: 1, ...LONG_AGO })], anchors: [one, two] };
}

/** Two CAs that sign for each other, by name and key or by key alone, and nothing above them. */
function cycle(names: readonly [string, string]): BatchCase {
  const [one, two] = names.map((cn) => authority({ cn, at: AT, keyUsage: null })) as [Issued, Issued];
  const chain = [leaf({}, one), two.crossSign(one, { keyUsage: null }), one.crossSign(two, { keyUsage: null })];
  return { chain, anchors: [authority({ cn: 'Elsewhere', at: AT })] };
}

/** A root with 1,027 trees over a leaf with half as many names of that form. */
function flood(kind: 'dns' | 'directory' | 'subject'): BatchCase {
  const range = Array.from({ length: 513 }, (_, index) => index);
  const dn = (prefix: string, index: number): Buffer => distinguishedName([['CN', `${prefix}${index}.test`]]);
  const trees =
    kind === 'dns'
      ? {
          permitted: { dns: [...range.map((index) => `t${index}.test`), 'test'] },
          excluded: { dns: range.map((index) => `x${index}.test`) },
        }
      : {
          permitted: { directory: [...range.map((index) => dn('t', index)), distinguishedName([])] },
          excluded: { directory: range.map((index) => dn('x', index)) },
        };
  const top = authority({ cn: 'Flood', at: AT, nameConstraints: trees });
  const names = {
    dns: kind === 'dns' ? range.map((index) => `t${index}.test`) : ['t0.test'],
    ...(kind === 'directory' ? { directory: range.map((index) => dn('t', index)) } : {}),
  };
  const emails = range.map((index) => ['emailAddress', `t${index}@t.test`] as const);
  const many = authority({
    cn: 'Flood of Mail',
    at: AT,
    nameConstraints: {
      permitted: { email: [...range.map((index) => `t${index}.test`), 't.test'] },
      excluded: { email: range.map((index) => `x${index}.test`) },
    },
  });
  if (kind === 'subject') {
    return { chain: [many.issueLeaf({ subject: emails, dns: ['t0.test'] })], anchors: [many], host: 't0.test' };
  }
  return { chain: [top.issueLeaf({ subject: [], ...names })], anchors: [top], host: 't0.test' };
}

/** leaf → A1 → A, where A, B and C all certify each other and A is trusted. */
function loop(): BatchCase {
  const tops = ['A', 'B', 'C'].map((cn) => authority({ cn: `Root ${cn}`, at: AT }));
  const [a] = tops as [Issued];
  const crosses = tops.flatMap((by) => tops.filter((of) => of !== by).map((of) => by.crossSign(of)));
  const subordinates = tops.map((top, index) => top.issueCa({ cn: `Intermediate ${index}` }));
  const end = subordinates[0]!.issueLeaf({ subject: [], dns: [HOST] });
  return { chain: [end, ...subordinates, ...crosses], anchors: [a] };
}

const ROWS: readonly Row[] = [
  ['multiple-chains-expired-intermediate', 'accept', 'allow', chainOfPain()],
  ['the same one level up', 'accept', 'allow', expiredCross()],
  ['intermediate-cycle-distinct-cas', 'refuse', 'chain.incomplete', cycle(['Cycle 1', 'Cycle 2'])],
  ['intermediate-cycle-same-logical-ca', 'refuse', 'chain.private-root', cycle(['Cycle', 'Cycle'])],
  ['nc-dos-1', 'refuse', 'chain.budget', flood('dns')],
  ['nc-dos-2', 'refuse', 'chain.budget', flood('directory')],
  ['nc-dos-3', 'refuse', 'chain.budget', flood('subject')],
  ['cve::cve-2024-0567', 'accept', 'allow', loop()],
];

describeLedger('x509-limbo: pathological', ROWS);
