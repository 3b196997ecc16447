/** Java's key store `cacerts`: JAVA_HOME's, or that of the keytool on the PATH. Worked on with keytool. */
import { join } from 'node:path';
import { pathExists } from '../../host/files.ts';
import type { Machine } from './machine.ts';
import { nameOf, type Store, type TrustedCa } from './store.ts';

/** The password that every JDK ships with: the store holds certificates, nothing secret. */
const PASSWORD = 'changeit';
/** Java 9 and later, then Java 8. */
const STORE_PATHS = ['lib/security/cacerts', 'jre/lib/security/cacerts'];
/** Where distributions keep the store that their JDKs link to. */
const SHARED_STORES = ['/etc/ssl/certs/java/cacerts', '/etc/pki/java/cacerts'];

export function javaStores(machine: Machine): readonly Store[] {
  const home = machine.env['JAVA_HOME'];
  const tool = home === undefined || home === '' ? machine.find('keytool') : join(home, 'bin/keytool');
  const file = javaStoreFile(machine);
  if (tool === null || !pathExists(tool)) return [];
  const store = [...(file === null ? ['-cacerts'] : ['-keystore', file]), '-storepass', PASSWORD];
  const has = (alias: string): boolean => machine.run(tool, ['-list', ...store, '-alias', alias]).ok;
  return [
    {
      kind: 'java',
      where: file ?? 'cacerts',
      missing: null,
      holds: (ca) => aliasesOf(ca).some(has),
      install: (ca) => [
        {
          kind: 'run',
          command: tool,
          args: ['-importcert', '-noprompt', ...store, '-alias', nameOf(ca), '-file', ca.file],
        },
      ],
      uninstall: (ca) =>
        aliasesOf(ca)
          .filter(has)
          .map((alias) => ({ kind: 'run', command: tool, args: ['-delete', ...store, '-alias', alias] })),
    },
  ];
}

/**
 * Ours, and the one under which Debian's hook copies the system's CAs into the same store: it copies them in, but does
 * not take them out with the system's, so that Java would go on trusting what was untrusted.
 */
function aliasesOf(ca: TrustedCa): readonly string[] {
  return [nameOf(ca), `debian:${nameOf(ca)}.pem`];
}

/** The file that clients without further options read; null: unknown. */
export function javaStoreFile({ env, root }: Machine): string | null {
  const home = env['JAVA_HOME'];
  const own = home === undefined || home === '' ? [] : STORE_PATHS.map((path) => join(home, path));
  const shared = SHARED_STORES.map((path) => join(root, path));
  return [...own, ...shared].find(pathExists) ?? null;
}
