/** BoringSSL's path_builder chains: several roots, cross-signs, and candidates that differ in one hint only. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FoundPath } from '../../../src/pki/path/builder.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { parsePemBlocks } from '../../../src/pki/x509/pem.ts';
import { corpora } from '../../support/corpora.ts';
import { codesOf, parsed, search } from './path-cases.ts';

const folder = corpora('boringssl-pki');
const base = join(folder ?? '', 'pki/testdata/path_builder_unittest');

function certificate(name: string): Certificate {
  const pem = parsePemBlocks(readFileSync(join(base, `${name}.pem`), 'utf8'));
  const block = pem.ok ? pem.value.find((one) => one.label === 'CERTIFICATE') : undefined;
  if (block === undefined) throw new Error(`no certificate in ${name}`);
  return parsed(block.bytes);
}

const issuers = (found: FoundPath): string =>
  found.path.map((one) => /CN=(\w+)/.exec(one.subject.text)?.[1] ?? '').join('<');

/** Every valid path, in the order of the search. */
function allPaths(leaf: string, candidates: readonly string[], anchors: readonly string[], atMs: number): string[] {
  const found: string[] = [];
  search({
    leaf: certificate(leaf),
    candidates: candidates.map(certificate),
    anchors: anchors.map(certificate),
    atMs,
    accept: (path) => {
      found.push(issuers(path));
      return false;
    },
  });
  return found;
}

describe.skipIf(folder === null)('BoringSSL path_builder (corpus boringssl-pki)', () => {
  const cross = ['B-by-C', 'B-by-F', 'C-by-D', 'C-by-E', 'D-by-D', 'E-by-E', 'F-by-E'].map(
    (name) => `multi-root-${name}`,
  );
  const in2017 = Date.UTC(2017, 2, 1);

  it('finds every path between several roots, and none to a root that is no anchor', () => {
    const paths = (...anchors: string[]) => allPaths('multi-root-A-by-B', cross, anchors, in2017).sort();
    expect(paths('multi-root-D-by-D')).toEqual(['127<B<C<D']);
    expect(paths('multi-root-E-by-E')).toEqual(['127<B<C<E', '127<B<F<E']);
    expect(paths('multi-root-D-by-D', 'multi-root-E-by-E')).toHaveLength(3);
    expect(paths('multi-root-F-by-E')).toEqual(['127<B<F']);
    expect(paths()).toEqual([]);
    expect(allPaths('multi-root-A-by-B', cross.slice(2), ['multi-root-D-by-D'], in2017)).toEqual([]);
  });

  const in2016 = Date.UTC(2016, 5, 1);
  it.each([
    [
      'key_id_prioritization',
      ['a', 'b', 'c'].flatMap((one) => [`int_different_ski_${one}`, `int_no_ski_${one}`, `int_matching_ski_${one}`]),
    ],
    ['key_id_name_and_serial_prioritization', ['int_mismatch', 'int_match_name_only', 'int_matching']],
    ['validity_date_prioritization', ['int_ac', 'int_ad', 'int_bc', 'int_bd']],
    ['self_issued_prioritization', ['root1_cross', 'root2']],
  ])('finds a path among the candidates of %s, whatever the hints say', (suite, candidates) => {
    const root = suite.startsWith('self') ? 'root1' : 'root';
    const named = candidates.map((name) => `${suite}/${name}`);
    expect(allPaths(`${suite}/target`, named, [`${suite}/${root}`], in2016).length).toBeGreaterThan(0);
  });

  it('follows an issuer only to the anchor that it leads to', () => {
    const suite = 'key_id_name_and_serial_prioritization';
    const reach = (name: string) => allPaths(`${suite}/target`, [`${suite}/${name}`], [`${suite}/root2`], in2016);
    expect(reach('int_mismatch')).toEqual(['Target<Intermediate<Root2']);
    expect([...reach('int_match_name_only'), ...reach('int_matching')]).toEqual([]);
  });

  it('prefers the matching key identifier, then the youngest', () => {
    const suite = 'key_id_prioritization';
    const leaf = certificate(`${suite}/target`);
    const candidates = ['int_no_ski_c', 'int_different_ski_c', 'int_matching_ski_a', 'int_matching_ski_c'];
    const found = search({
      leaf,
      candidates: candidates.map((name) => certificate(`${suite}/${name}`)),
      anchors: [certificate(`${suite}/root`)],
      atMs: in2016,
    });
    expect(found.accepted?.path[1]?.der.sha256).toBe(certificate(`${suite}/int_matching_ski_c`).der.sha256);
  });

  it('refuses a precertificate', () => {
    const result = search({
      leaf: certificate('precertificate/precertificate'),
      candidates: [],
      anchors: [certificate('precertificate/root')],
      atMs: Date.UTC(2023, 9, 1),
    });
    expect(result.accepted).toBeNull();
    expect(codesOf(result.nearest!.findings)).toEqual(['chain.critical-extension']);
  });
});
