/** The trust snapshot of an installation, as the proxy would have it. */
import { dirname } from 'node:path';
import { FileError } from '../host/files.ts';
import { createSignatureMemory } from '../pki/x509/signature.ts';
import type { Config } from '../policy/config.ts';
import { loadPolicy } from '../policy/load.ts';
import type { Policy } from '../policy/policy.ts';
import { TrustError } from '../runtime/crl-loader.ts';
import { anchorChoices, readTrustMaterial } from '../runtime/trust-files.ts';
import { buildTrust } from '../runtime/trust-loader.ts';
import { createCertificateMemory } from '../verify/certificate-memory.ts';
import type { Trust } from '../verify/trust.ts';
import { readCaCertificates } from './installation.ts';
import { CommandError } from './usage.ts';

/** A few thousand hosts share their issuers. */
const REMEMBERED = 2_000;

/** `policy`: null for the anchors of the configuration alone. @throws CommandError when a file of it cannot be used. */
export function readTrust(config: Config, policy: Policy | null): Trust {
  try {
    const rules = policy ?? withoutRules(config);
    const memories = {
      signatures: createSignatureMemory(REMEMBERED),
      certificates: createCertificateMemory(REMEMBERED),
    };
    return buildTrust(readTrustMaterial(config, rules, ownCas(config)), anchorChoices(config, rules), memories);
  } catch (thrown) {
    if (!(thrown instanceof FileError) && !(thrown instanceof TrustError)) throw thrown;
    throw new CommandError(thrown.message, 'correct the file, or name another one');
  }
}

function withoutRules(config: Config): Policy {
  const policy = loadPolicy([], config);
  if (!policy.ok) throw new TypeError('an empty policy is refused');
  return policy.value;
}

/** Our own CA, so that our own proxy in the middle is recognised; none when there is none yet. */
function ownCas(config: Config): readonly string[] {
  try {
    return readCaCertificates(config, { cwd: dirname(config.file) }).map(({ pem }) => pem);
  } catch (thrown) {
    if (thrown instanceof CommandError) return [];
    throw thrown;
  }
}
