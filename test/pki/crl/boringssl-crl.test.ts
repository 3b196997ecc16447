/** The 66 CRL cases of BoringSSL, at the time and age bound that its tests use. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeCrls } from '../../../src/pki/crl/check.ts';
import { parseCrl } from '../../../src/pki/crl/parse.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { parsePemBlocks } from '../../../src/pki/x509/pem.ts';
import { corpora } from '../../support/corpora.ts';
import { noMemory, verifyOldSignature } from '../../support/old-signatures.ts';

interface Expected {
  readonly verify_time: number;
  readonly max_age_seconds: number;
  readonly cases: readonly { readonly file: string; readonly revocation: string }[];
}

const folder = corpora('boringssl-pki');
const expected: Expected =
  folder === null
    ? { verify_time: 0, max_age_seconds: 0, cases: [] }
    : JSON.parse(readFileSync(join(folder, 'expected-crl.json'), 'utf8'));

/** Our word, and how far the CRL got. */
function judge(file: string): { readonly word: string; readonly parsed: boolean } {
  const blocks = parsePemBlocks(readFileSync(join(folder ?? '', 'pki/testdata/crl_unittest', file), 'latin1'));
  if (!blocks.ok) throw new Error(`${file}: ${blocks.why}`);
  const bytes = (label: string) => blocks.value.find((block) => block.label === label)?.bytes;
  const certificate = (label: string): Certificate[] => {
    const der = bytes(label);
    if (der === undefined) return [];
    const parsed = parseCertificate(der);
    if (!parsed.ok) throw new Error(`${file}: ${label}: ${parsed.why}`);
    return [parsed.value];
  };
  const [target] = certificate('CERTIFICATE');
  if (target === undefined) throw new Error(`${file}: no certificate`);
  const crl = parseCrl(bytes('CRL') ?? Buffer.alloc(0));
  const judgement = judgeCrls({
    certificate: target,
    issuers: [...certificate('CA CERTIFICATE'), ...certificate('CA CERTIFICATE 2')],
    crls: crl.ok ? [crl.value] : [],
    nowMs: expected.verify_time * 1000,
    maxAgeMs: expected.max_age_seconds * 1000,
    // It holds a greatest age as we do below public anchors, and takes names beside URIs as we do below private ones.
    profile: file === 'good_idp_contains_uri.pem' ? 'private' : 'public',
    memory: noMemory,
    verify: verifyOldSignature,
  });
  return { word: judgement.is, parsed: crl.ok };
}

describe.skipIf(folder === null)('BoringSSL crl_unittest (corpus boringssl-pki)', () => {
  it('is whole', () => expect(expected.cases).toHaveLength(66));

  it.each(expected.cases)('$file: $revocation', ({ file, revocation }) => {
    const { word, parsed } = judge(file);
    const theirs = word === 'good' || word === 'revoked' ? word.toUpperCase() : 'UNKNOWN';
    expect(theirs, word).toBe(revocation);
    if (file.startsWith('invalid_garbage')) expect(parsed, 'malformed').toBe(false);
  });
});
