/**
 * Name constraints along one path (RFC 5280 §6.1.3 (b), (c) and §6.1.4 (g)).
 *
 * Does: holds every certificate below a constraining issuer against its constraints, self-issued issuers excepted.
 * Does not: compare names; x509/name-constraints.ts does.
 */
import type { Finding } from '../../model/finding.ts';
import { checkNameConstraints, comparisons } from '../x509/name-constraints.ts';
import type { Budget } from './budget.ts';
import type { Path } from './builder.ts';
import { at } from './certificate-rules.ts';

/** Appends what breaks the constraints of an issuer; one finding for each constrained certificate. */
export function judgeNames(path: Path, budget: Budget, findings: Finding[]): void {
  for (let depth = path.length - 1; depth > 0; depth--) {
    const constraints = path[depth]!.extensions.nameConstraints;
    if (constraints === undefined) continue;
    for (let below = depth - 1; below >= 0; below--) {
      const certificate = path[below]!;
      if (below > 0 && certificate.selfIssued) continue;
      if (!budget.takeComparisons(comparisons(constraints, certificate))) {
        findings.push(at('chain.name-constraints', certificate, { depth: below }, { why: 'budget' }));
        return;
      }
      const [violation] = checkNameConstraints(constraints, certificate);
      if (violation === undefined) continue;
      const facts = { constrainedBy: path[depth]!.subject.text, why: violation.why, name: violation.name };
      findings.push(at('chain.name-constraints', certificate, { depth: below }, { form: violation.form, ...facts }));
    }
  }
}
