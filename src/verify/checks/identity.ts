/**
 * Identity (RFC 9525): the certificate names the host that the client asked for, in its subjectAltName.
 * The host is the canonical authority that was parsed once; the common name is never looked at.
 */
import type { Outcome } from '../../model/outcome.ts';
import { matchesHost } from '../../pki/x509/names.ts';
import type { Context } from '../context.ts';
import { fail } from './weigh.ts';

export function checkIdentity({ leaf, evidence }: Context): Outcome {
  const { host } = evidence.authority;
  const match = matchesHost(leaf.extensions.subjectAltName, evidence.authority);
  switch (match.is) {
    case 'matched':
      return { is: 'pass', facts: { host, by: match.by.slice(0, 256) } };
    case 'mismatch':
      return fail('identity.mismatch', { host, presented: match.presented });
    case 'no-san':
      return fail('identity.no-san', { host });
    case 'public-suffix':
      return fail('identity.public-suffix', { host, by: match.by.slice(0, 256) });
  }
}
