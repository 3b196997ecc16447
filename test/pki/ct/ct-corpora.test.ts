/**
 * SCTs that others made: the test logs of Google and appmattus (ECDSA and RSA, with and without precert CAs), a real
 * chain with the keys of its three real logs, and the odd certificates of pyca/cryptography.
 */
import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CtLog } from '../../../src/pki/ct/log.ts';
import { parseLogList } from '../../../src/pki/ct/log-list.ts';
import { precertEntry, precertTbs, x509Entry } from '../../../src/pki/ct/precert.ts';
import { parseSctList, type SctSignature, type SignedEntry, verifySct } from '../../../src/pki/ct/sct.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { parsePem } from '../../../src/pki/x509/pem.ts';
import { corpora } from '../../support/corpora.ts';
import { sctList } from '../../support/ct-log.ts';

function chainOf(file: string): readonly [Certificate, ...Certificate[]] {
  const parsed = parsePem(readFileSync(file, 'latin1'));
  if (!parsed.ok) throw new Error(`${file}: ${parsed.why}`);
  return parsed.value as readonly [Certificate, ...Certificate[]];
}

function derOf(file: string): Certificate {
  const parsed = parseCertificate(readFileSync(file));
  if (!parsed.ok) throw new Error(`${file}: ${parsed.why}`);
  return parsed.value;
}

/** A log of its public key in PEM, by way of our own list parser. */
function logOf(file: string): CtLog {
  const spki = createPublicKey(readFileSync(file)).export({ type: 'spki', format: 'der' });
  const logId = createHash('sha256').update(spki).digest('base64');
  const log = { log_id: logId, key: spki.toString('base64') };
  const json = {
    version: '1',
    log_list_timestamp: '2026-01-01T00:00:00Z',
    operators: [{ name: 'corpus', logs: [log] }],
  };
  const parsed = parseLogList(Buffer.from(JSON.stringify(json)));
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value.logs.get(logId)!;
}

function verifyAll(list: Buffer, entry: SignedEntry, logs: readonly CtLog[]): (SctSignature | 'unknown-log')[] {
  const parsed = parseSctList(list);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value.scts.map((sct) => {
    const log = logs.find((one) => one.logId === sct.logId);
    return log === undefined ? 'unknown-log' : verifySct(sct, entry, log);
  });
}

describe.each(['ct-google', 'ct-appmattus'])('%s', (name) => {
  const folder = corpora(name);
  const data = join(folder ?? '', name === 'ct-google' ? 'test/testdata' : 'test/resources/testdata');
  const file = (of: string) => join(data, of);

  describe.skipIf(folder === null)(`test log (corpus ${name})`, () => {
    const embedded = (leafFile: string, issuerFile: string) => {
      const [leaf] = chainOf(file(leafFile));
      const [issuer] = chainOf(file(issuerFile));
      return verifyAll(leaf.extensions.sctList ?? Buffer.alloc(0), precertEntry(leaf, issuer), [
        logOf(file('ct-server-key-public.pem')),
      ]);
    };

    it('refuses an SCT of another certificate', () => {
      expect(embedded('test-invalid-embedded-cert.pem', 'ca-cert.pem')).toEqual(['failed']);
    });

    it('refuses every SCT under another issuer', () => {
      expect(embedded('test-embedded-cert.pem', 'intermediate-cert.pem')).toEqual(['failed']);
    });

    // Only one of the two has the last one.
    const pairs: [leaf: string, issuer: string][] = [
      ['test-embedded-cert.pem', 'ca-cert.pem'],
      ['test-embedded-with-preca-cert.pem', 'ca-cert.pem'],
      ['test-embedded-with-intermediate-preca-cert.pem', 'intermediate-cert.pem'],
      ['test-embedded-with-intermediate-cert.pem', 'intermediate-cert.pem'],
    ];
    it.each(name === 'ct-google' ? pairs : pairs.slice(0, -1))('%s under %s', (leaf, issuer) => {
      expect(embedded(leaf, issuer)).toEqual(['verified']);
    });

    it.each([
      ['test-cert.pem', 'test-cert.proof', 'ct-server-key-public.pem'],
      ['test-intermediate-cert.pem', 'test-intermediate-cert.proof', 'ct-server-key-public.pem'],
      ['test-cert.pem', 'rsa/test-cert-rsa.proof', 'rsa/ct-server-key-public-rsa.pem'],
    ])('%s with %s beside it', (leafFile, proof, key) => {
      const [leaf] = chainOf(file(leafFile));
      expect(verifyAll(sctList(readFileSync(file(proof))), x509Entry(leaf), [logOf(file(key))])).toEqual(['verified']);
    });

    it.each([['test-embedded-pre-cert.pem', 'ca-cert.pem', 'rsa/test-embedded-pre-cert-rsa.proof']])(
      'the precertificate %s with an RSA log',
      (leafFile, issuerFile, proof) => {
        const [leaf] = chainOf(file(leafFile));
        const [issuer] = chainOf(file(issuerFile));
        const log = logOf(file('rsa/ct-server-key-public-rsa.pem'));
        expect(verifyAll(sctList(readFileSync(file(proof))), precertEntry(leaf, issuer), [log])).toEqual(['verified']);
      },
    );
  });
});

const appmattus = corpora('ct-appmattus');
describe.skipIf(appmattus === null)('a real chain of 2018 (corpus ct-appmattus)', () => {
  const data = join(appmattus ?? '', 'test/resources/testdata');

  it('verifies with the keys of the three logs that signed', () => {
    const [leaf, issuer] = chainOf(join(data, 'github-chain.pem'));
    const keys = ['google-ct-pilot', 'digicert-ct', 'google-ct-skydiver'];
    const logs = keys.map((key) => logOf(join(data, `${key}-server-key-public.pem`)));
    const answers = verifyAll(leaf.extensions.sctList ?? Buffer.alloc(0), precertEntry(leaf, issuer!), logs);
    expect(answers).toEqual(['verified', 'verified', 'verified']);
  });

  it('finds none where the machine in the middle issued', () => {
    const [attacked] = chainOf(join(data, 'mitmproxy-attack-chain.pem'));
    expect(attacked.extensions.sctList).toBeUndefined();
  });
});

const pyca = corpora('pyca-x509');
describe.skipIf(pyca === null)('oddities (corpus pyca-x509)', () => {
  const file = (of: string) => join(pyca ?? '', of);
  const listOf = (certificate: Certificate) => parseSctList(certificate.extensions.sctList ?? Buffer.alloc(0));

  it('an SCT that runs past the end refuses the list', () => {
    expect(listOf(derOf(file('invalid-sct-length.der')))).toMatchObject({ ok: false });
  });

  it('an SCT of unknown version is skipped, the other one kept', () => {
    const parsed = listOf(derOf(file('invalid-sct-version.der')));
    expect(parsed).toMatchObject({ ok: true, value: { skipped: 1 } });
    expect(parsed.ok && parsed.value.scts).toHaveLength(1);
  });

  it.each(['badssl-sct-none-hash.der', 'badssl-sct-anonymous-sig.der'])('%s: the algorithm is refused', (name) => {
    const leaf = derOf(file(name));
    const parsed = listOf(leaf);
    const sct = parsed.ok ? parsed.value.scts[0]! : null;
    if (sct === null) throw new Error('no SCT');
    const key = createPublicKey({ key: leaf.spki, format: 'der', type: 'spki' });
    const log = { key, algorithm: 'ecdsa-p256', logId: sct.logId } as const;
    expect(verifySct(sct, precertEntry(leaf, leaf), log)).toBe('unsupported-algorithm');
  });

  it('the TBS of the precertificate is rebuilt byte for byte', () => {
    const [leaf] = chainOf(file('cryptography-scts.pem'));
    const oracle = readFileSync(file('cryptography-scts-tbs-precert.der'));
    expect(precertTbs(leaf.tbs).equals(oracle)).toBe(true);
  });
});
