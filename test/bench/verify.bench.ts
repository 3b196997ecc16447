/**
 * What a verdict costs, in units of one raw P-256 verification on the same machine: `node test/bench/verify.bench.ts`.
 *
 * Repeated: a chain of three certificates with three timestamps and a staple that was judged before. New: the same kind of
 * chain that nobody has seen. Prints both with their bounds; exit code 1 when one is missed.
 */
import { verify as verifyRaw } from 'node:crypto';
import { Der } from '../../src/model/der.ts';
import type { Evidence } from '../../src/model/evidence.ts';
import { createSignatureMemory } from '../../src/pki/x509/signature.ts';
import { createCertificateMemory } from '../../src/verify/certificate-memory.ts';
import type { Trust } from '../../src/verify/trust.ts';
import { embeddedScts, parsedList, testLog } from '../support/ct-log.ts';
import { generateKey } from '../support/keys.ts';
import { ocspResponse } from '../support/ocsp-responder.ts';
import { authority, type Issued } from '../support/test-ca.ts';
import { AT, AT_MS, DAY_MS, evidenceOf, ruleOf, trustOf, verify } from '../verify/verify-cases.ts';

/** A verdict on a chain that was judged before, in raw verifications. */
const REPEATED_MAX = 0.6;
/** Over the signatures of the chain itself: two links, three timestamps, one staple. */
const OVERHEAD_MAX = 15;
const SIGNATURES = 6;
const CHAINS = 400;
const ROUNDS = 7;

const root = authority({ cn: 'Bench Root', at: AT });
const logs = [testLog({ operator: 'One' }), testLog({ operator: 'Two' }), testLog({ operator: 'Three' })];
const logList = parsedList(logs, AT_MS - DAY_MS);
const rule = ruleOf({
  checks: { publicRoot: 'require', ct: 'require', staple: 'require', crl: 'if-present', lifetime: 'require' },
});
const [issuerKey, leafKey] = [generateKey(), generateKey()];

function newChain(index: number): Evidence {
  const inter: Issued = root.issueCa({ cn: `Issuing ${index}`, key: issuerKey });
  const leaf = inter.issueLeaf({ dns: ['good.test'], key: leafKey, sctList: embeddedScts(logs, AT_MS - DAY_MS) });
  const staple = ocspResponse(inter, [{ certificate: leaf }], { atMs: AT_MS });
  return evidenceOf([leaf, inter], { staple: Der.of(staple) });
}

function freshTrust(): Trust {
  const memories = { signatures: createSignatureMemory(16_384), certificates: createCertificateMemory(4_096) };
  return trustOf({ anchors: [root], publicRoots: [root] }, { logList, ...memories });
}

/** Microseconds for one call, best of several rounds. */
function best(calls: number, prepare: () => (index: number) => void): number {
  let bestUs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const call = prepare();
    const startMs = performance.now();
    for (let index = 0; index < calls; index += 1) call(index);
    bestUs = Math.min(bestUs, ((performance.now() - startMs) * 1000) / calls);
  }
  return bestUs;
}

function judged(evidence: Evidence, trust: Trust): void {
  if (verify(evidence, trust, rule).verdict.verdict !== 'allow') throw new Error('the chain of the bench is refused');
}

const rawKey = { key: root.spki, format: 'der', type: 'spki' } as const;
const signed = root.issueCa({ cn: 'Raw', key: issuerKey });
const signature = signatureOf(signed);
const rawUs = best(CHAINS, () => () => {
  if (!verifyRaw('sha256', signed.tbs, rawKey, signature)) throw new Error('the raw signature is wrong');
});

const chains = Array.from({ length: CHAINS }, (_, index) => newChain(index));
const repeatedUs = best(CHAINS * 5, () => {
  const trust = freshTrust();
  judged(chains[0]!, trust);
  return () => judged(chains[0]!, trust);
});
const newUs = best(CHAINS, () => {
  const trust = freshTrust();
  return (index) => judged(chains[index]!, trust);
});

const repeated = repeatedUs / rawUs;
const overhead = newUs / rawUs - SIGNATURES;
console.log(`raw P-256 verification   ${rawUs.toFixed(1)} µs`);
console.log(
  `repeated chain           ${repeatedUs.toFixed(1)} µs = ${repeated.toFixed(2)} raw, at most ${REPEATED_MAX}`,
);
console.log(
  `new chain                ${newUs.toFixed(1)} µs = ${SIGNATURES} + ${overhead.toFixed(1)} raw, at most ${SIGNATURES} + ${OVERHEAD_MAX}`,
);
if (repeated > REPEATED_MAX || overhead > OVERHEAD_MAX) process.exitCode = 1;

/** The signature is the last BIT STRING of the certificate. */
function signatureOf(issued: Issued): Buffer {
  const { der } = issued;
  const after = der.indexOf(issued.tbs) + issued.tbs.length;
  const algorithm = der.subarray(after, after + 2 + der[after + 1]!);
  return der.subarray(after + algorithm.length + 3);
}
