/** The chains of limbo.test.ts: right ones, and what is odd about one certificate of them. */
import * as der from '../../src/pki/der/writer.ts';
import * as ext from '../support/extensions.ts';
import { authority, type Issued, type Spec } from '../support/test-ca.ts';
import { AT, type BatchCase, HOST } from './batch.ts';

export const root = authority({ cn: 'Root', at: AT });
export const inter = root.issueCa({ cn: 'Inter' });
export const { key } = root;

export const leaf = (spec: Spec = {}, issuer: Issued = inter): Issued => issuer.issueLeaf({ dns: [HOST], ...spec });
/** root → inter → leaf, with something odd about the leaf. */
export const odd = (spec: Spec, more: Partial<BatchCase> = {}): BatchCase => ({
  chain: [leaf(spec), inter],
  anchors: [root],
  ...more,
});
/** root → odd intermediate → leaf. */
export const oddIssuer = (spec: Spec, leafSpec: Spec = {}, more: Partial<BatchCase> = {}): BatchCase => {
  const issuer = root.issueCa({ cn: 'Odd', ...spec });
  return { chain: [leaf(leafSpec, issuer), issuer], anchors: [root], ...more };
};
/** odd root → leaf. */
export const oddRoot = (spec: Spec, leafSpec: Spec = {}, more: Partial<BatchCase> = {}): BatchCase => {
  const top = authority({ cn: 'Odd Root', at: AT, ...spec });
  return { chain: [leaf(leafSpec, top)], anchors: [top], ...more };
};
export const publicly = { anchorsArePublic: true };
export const critical = (oid: string, value: Buffer, isCritical = true) => ext.extension(oid, isCritical, value);

export const SECOND = 1000;
export const at = (offsetMs: number): string => new Date(Date.parse(AT) + offsetMs).toISOString();

export const tree = (dns: string) => ({ dns: [dns] });

export function requireExplicit(skip: number, isCritical: boolean): ext.RawExtension {
  return ext.extension('2.5.29.36', isCritical, der.sequence(der.contextPrimitive(0, Buffer.from([skip]))));
}

/** A leaf without subjectAltName. */
export function nameless(spec: Spec, more: Partial<BatchCase> = {}): BatchCase {
  return { chain: [inter.issueLeaf(spec), inter], anchors: [root], ...more };
}

export function criticalPurposes(): Spec {
  return { extendedKeyUsage: null, extensions: [ext.extendedKeyUsage([ext.EKU.serverAuth], true)] };
}

export function below(upper: Spec, lower: Spec): BatchCase {
  const first = root.issueCa({ cn: 'Upper', ...upper });
  const second = first.issueCa({ cn: 'Lower', ...lower });
  return { chain: [leaf({}, second), second, first], anchors: [root] };
}

export function rootLength(pathLength: number): BatchCase {
  const top = authority({ cn: 'Short Root', at: AT, pathLength });
  const issuer = top.issueCa({ cn: 'Under' });
  return { chain: [leaf({}, issuer), issuer], anchors: [top] };
}

export function selfIssued(): BatchCase {
  const top = authority({ cn: 'Rolling', at: AT, pathLength: 1 });
  const rolled = top.issueCa({ subject: top.subject });
  const issuer = rolled.issueCa({ cn: 'Under' });
  return { chain: [leaf({}, issuer), issuer, rolled], anchors: [top] };
}

export function constrained(spec: ext.ConstraintsSpec, leafSpec: Spec = {}, more: Partial<BatchCase> = {}): BatchCase {
  return oddIssuer({ nameConstraints: spec }, leafSpec, more);
}

export function dn(organization: string): Buffer {
  return ext.distinguishedName([['O', organization]]);
}

export function ipTree(bytes: Buffer): ext.RawExtension {
  const value = der.sequence(der.contextConstructed(0, der.sequence(der.contextPrimitive(7, bytes))));
  return ext.extension('2.5.29.30', true, value);
}

export function selfIssuedLeaf(): BatchCase {
  const issuer = root.issueCa({ cn: 'Named', nameConstraints: { permitted: tree('other.test') } });
  return { chain: [leaf({ subject: issuer.subject }, issuer), issuer], anchors: [root] };
}

/** Two certificates for one CA: the one that forbids the host, and the one that does not. */
export function alternate(): BatchCase {
  const strict = root.issueCa({ cn: 'Twice', nameConstraints: { excluded: tree(HOST) } });
  const free = root.crossSign(strict);
  return { chain: [leaf({}, strict), strict, free], anchors: [root] };
}

export function expiredCross(): BatchCase {
  const other = authority({ cn: 'Old Root', at: AT, notAfter: at(-SECOND) });
  const cross = other.crossSign(inter, { notAfter: at(-SECOND) });
  return { chain: [leaf(), cross, other, inter], anchors: [root, other] };
}

export function loop(): BatchCase {
  const one = authority({ cn: 'One', at: AT });
  const two = authority({ cn: 'Two', at: AT });
  const oneByTwo = two.crossSign(one);
  const twoByOne = one.crossSign(two);
  const oneByRoot = root.crossSign(one);
  return { chain: [leaf({}, one), oneByTwo, twoByOne, oneByRoot], anchors: [root] };
}

export function siblings(count: number): BatchCase {
  const forged = Array.from({ length: count - 1 }, (_, index) =>
    root.issueCa({
      subject: inter.subject,
      subjectKeyId: inter.subjectKeyId,
      broken: 'junk',
      serial: index + 1,
      notBefore: at(-9e9 - index),
    }),
  );
  return { chain: [leaf(), ...forged.slice(0, 45), inter], anchors: [root] };
}

/** Issuers with one name and many keys, each of which must be tried, two levels deep. */
export function tooManySiblings(): BatchCase {
  const other = authority({ cn: 'Maze Root', at: AT });
  const layer = (count: number, name: string): Issued[] =>
    Array.from({ length: count }, () => other.issueCa({ cn: name, subjectKeyId: null, broken: 'junk' }));
  return { chain: [leaf({ authorityKeyId: null }, layer(1, 'Maze')[0]!), ...layer(70, 'Maze')], anchors: [root] };
}

export function manyNames(): BatchCase {
  const names = Array.from({ length: 1100 }, (_, index) => `h${index}.test`);
  const trees = Array.from({ length: 600 }, (_, index) => `t${index}.invalid`);
  return constrained({ excluded: { dns: trees } }, { dns: [HOST, ...names] });
}
