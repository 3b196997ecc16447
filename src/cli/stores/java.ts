/** Java's key store `cacerts`: JAVA_HOME's, or that of the keytool on the PATH. Worked on with keytool. */
import { join } from 'node:path';
import { pathExists } from '../../host/files.ts';
import type { Machine } from './machine.ts';
import { nameOf, type Store } from './store.ts';

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
  return [
    {
      kind: 'java',
      where: file ?? 'cacerts',
      missing: null,
      holds: (ca) => machine.run(tool, ['-list', ...store, '-alias', nameOf(ca)]).ok,
      install: (ca) => [
        {
          kind: 'run',
          command: tool,
          args: ['-importcert', '-noprompt', ...store, '-alias', nameOf(ca), '-file', ca.file],
        },
      ],
      uninstall: (ca) => [{ kind: 'run', command: tool, args: ['-delete', ...store, '-alias', nameOf(ca)] }],
    },
  ];
}

/** The file that clients without further options read; null: unknown. */
export function javaStoreFile({ env, root }: Machine): string | null {
  const home = env['JAVA_HOME'];
  const own = home === undefined || home === '' ? [] : STORE_PATHS.map((path) => join(home, path));
  const shared = SHARED_STORES.map((path) => join(root, path));
  return [...own, ...shared].find(pathExists) ?? null;
}
