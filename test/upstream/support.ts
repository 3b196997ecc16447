/** What the tests of this room share: an ask with sensible fields, anchors of the test PKI, a caught Problem. */

import { asProblem, type Problem } from '../../src/model/problem.ts';
import { NORMAL_TLS_FLOOR } from '../../src/model/tls.ts';
import { buildAnchorSet } from '../../src/pki/path/anchors.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import type { HandshakeAsk } from '../../src/upstream/handshake.ts';
import type { AnchorSet } from '../../src/verify/trust.ts';
import { testClock } from '../support/clock.ts';
import type { Issued } from '../support/test-ca.ts';

export function anchorsOf(...issued: readonly Issued[]): AnchorSet {
  const certificates = issued.map((one) => {
    const parsed = parseCertificate(one.der);
    if (!parsed.ok) throw new Error(parsed.why);
    return parsed.value;
  });
  return buildAnchorSet('test', certificates);
}

/** An ask for `host` on a local port; `change` replaces single fields. */
export function askFor(
  host: string,
  port: number,
  anchors: AnchorSet,
  change: Partial<HandshakeAsk> = {},
): HandshakeAsk {
  return {
    authority: { host, kind: 'name', port },
    addresses: ['127.0.0.1'],
    alpn: [],
    anchors,
    tls: NORMAL_TLS_FLOOR,
    completing: () => [],
    dialTimeoutMs: 5_000,
    handshakeTimeoutMs: 5_000,
    clock: testClock(),
    signal: new AbortController().signal,
    ...change,
  };
}

/** The Problem that a promise rejects with; a fulfilled one fails the test. */
export async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise;
  } catch (thrown) {
    return asProblem(thrown);
  }
  throw new Error('nothing was thrown');
}
