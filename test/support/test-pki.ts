/** The cast of the stories: whom the proxy trusts, who else is trusted, and who is in the middle. */

import type { KeyName } from './keys.ts';
import { authority, type Issued } from './test-ca.ts';

export interface TestPki {
  /** Anchor; every good host is below it. */
  readonly root: Issued;
  readonly inter: Issued;
  /** Another anchor: an honest, trusted CA that has nothing to do with our pins. */
  readonly otherRoot: Issued;
  readonly otherInter: Issued;
  /** No anchor: a company's inspecting firewall, or an attacker. */
  readonly rogueRoot: Issued;
  readonly rogueInter: Issued;
}

/** A fresh cast; `key` is used for the trusted chain. */
export function testPki(key: KeyName = 'p256'): TestPki {
  const root = authority({ cn: 'Pinwarden Test Root', key });
  const otherRoot = authority({ cn: 'Other Trusted Root' });
  const rogueRoot = authority({ cn: 'Corporate Inspection Root' });
  return {
    root,
    inter: root.issueCa({ cn: 'Pinwarden Test Issuing', key }),
    otherRoot,
    otherInter: otherRoot.issueCa({ cn: 'Other Trusted Issuing' }),
    rogueRoot,
    rogueInter: rogueRoot.issueCa({ cn: 'Corporate Inspection Issuing' }),
  };
}
