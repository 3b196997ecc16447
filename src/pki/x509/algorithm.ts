/** AlgorithmIdentifier (RFC 5280 §4.1.1.2): object identifier and parameters, which are kept as they are. */
import type { DerReader } from '../der/reader.ts';
import type { AlgorithmIdentifier } from './certificate.ts';

export function readAlgorithm(reader: DerReader): AlgorithmIdentifier {
  const from = reader.offset;
  const body = reader.sequence();
  const oid = body.oid();
  const parameters = body.atEnd ? null : body.element();
  body.end();
  return Object.freeze({ oid, parameters, raw: reader.since(from) });
}
