/**
 * Name constraints along one path (RFC 5280 §6.1.3 (b), (c) and §6.1.4 (g)).
 *
 * Does: holds every certificate below a constraining issuer against its constraints, self-issued issuers excepted.
 * Does not: compare names; x509/name-constraints.ts does.
 */
import type { Finding } from '../../model/finding.ts';
import type { Path } from './builder.ts';
import { at } from './certificate-rules.ts';

export function judgeNames(path: Path, findings: Finding[]): void {
  for (let depth = path.length - 1; depth > 0; depth--) {
    if (path[depth]!.extensions.nameConstraints !== undefined) {
      findings.push(at('chain.name-constraints', path[depth]!, { depth }, { why: 'not-supported' }));
    }
  }
}
