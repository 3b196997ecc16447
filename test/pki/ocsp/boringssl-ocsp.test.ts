/** The 36 OCSP cases of BoringSSL with their exact status, at the time and age bound that its tests use. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeStaple, type StapleJudgement } from '../../../src/pki/ocsp/staple.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { parsePemBlocks } from '../../../src/pki/x509/pem.ts';
import { verifySignature } from '../../../src/pki/x509/signature.ts';
import { corpora } from '../../support/corpora.ts';
import { noMemory, verifyOldSignature } from '../../support/old-signatures.ts';

interface Expected {
  readonly verify_time: number;
  readonly max_age_seconds: number;
  readonly cases: readonly { readonly file: string; readonly revocation: string; readonly response: string }[];
}

const folder = corpora('boringssl-pki');
const expected: Expected =
  folder === null
    ? { verify_time: 0, max_age_seconds: 0, cases: [] }
    : JSON.parse(readFileSync(join(folder, 'expected-ocsp.json'), 'utf8'));

/** BoringSSL's two words for ours. It knows no word for a bad signature: the response is provided and says nothing. */
function theirWords(judgement: StapleJudgement): readonly [revocation: string, response: string] {
  switch (judgement.is) {
    case 'good':
    case 'revoked':
    case 'unknown':
      return [judgement.is.toUpperCase(), 'PROVIDED'];
    case 'signature':
      return ['UNKNOWN', 'PROVIDED'];
    case 'wrong-certificate':
      return ['UNKNOWN', 'NO_MATCHING_RESPONSE'];
    case 'stale':
      return ['UNKNOWN', judgement.why === 'produced-outside-validity' ? 'BAD_PRODUCED_AT' : 'INVALID_DATE'];
    case 'error-response':
      return ['UNKNOWN', 'ERROR_RESPONSE'];
    case 'malformed':
      return ['UNKNOWN', MALFORMED[judgement.part]];
    case 'none':
    case 'must-staple':
      return ['UNKNOWN', 'MISSING'];
  }
}

const MALFORMED = {
  frame: 'PARSE_RESPONSE_ERROR',
  data: 'PARSE_RESPONSE_DATA_ERROR',
  'critical-extension': 'UNHANDLED_CRITICAL_EXTENSION',
} as const;

function blockOf(file: string, label: string): Buffer {
  const blocks = parsePemBlocks(readFileSync(join(folder ?? '', 'pki/testdata/ocsp_unittest', file), 'latin1'));
  if (!blocks.ok) throw new Error(`${file}: ${blocks.why}`);
  return blocks.value.find((block) => block.label === label)?.bytes ?? Buffer.alloc(0);
}

/** The serial 0005 is not minimal, so the certificate that carries it is refused long before its staple is read. */
const PADDED_SERIAL = 'good_response_invalid_serial.pem';

function leafOf(file: string): Certificate {
  const parsed = parseCertificate(blockOf(file, 'CERTIFICATE'));
  if (parsed.ok) return parsed.value;
  if (file !== PADDED_SERIAL) throw new Error(`${file}: ${parsed.why}`);
  return { ...leafOf('good_response.pem'), serial: Buffer.from([0x00, 0x05]) };
}

function judge(file: string, verify: typeof verifySignature): StapleJudgement {
  const issuer = parseCertificate(blockOf(file, 'CA CERTIFICATE'));
  if (!issuer.ok) throw new Error(`${file}: ${issuer.why}`);
  return judgeStaple({
    staple: blockOf(file, 'OCSP RESPONSE'),
    leaf: leafOf(file),
    issuer: issuer.value,
    atMs: expected.verify_time * 1000,
    maxAgeMs: expected.max_age_seconds * 1000,
    memory: noMemory,
    verify,
  });
}

describe.skipIf(folder === null)('BoringSSL ocsp_unittest (corpus boringssl-pki)', () => {
  it('is whole', () => expect(expected.cases).toHaveLength(36));

  it.each(expected.cases)('$file: $revocation $response', ({ file, revocation, response }) => {
    expect(theirWords(judge(file, verifyOldSignature))).toEqual([revocation, response]);
  });

  it('a leaf with a padded serial does not get as far', () => {
    expect(parseCertificate(blockOf(PADDED_SERIAL, 'CERTIFICATE'))).toMatchObject({ ok: false });
  });

  it('the product itself refuses their SHA-1', () => {
    expect(judge('good_response.pem', verifySignature)).toEqual({ is: 'signature', why: 'weak' });
  });
});
