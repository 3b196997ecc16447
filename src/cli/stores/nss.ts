/** NSS databases: what Firefox and Chromium on Linux read, one for each profile. Worked on with NSS's own certutil. */
import { join } from 'node:path';
import { FileError, listDirectory, pathExists } from '../../host/files.ts';
import type { Machine } from './machine.ts';
import { nameOf, type Store } from './store.ts';

/** Below the home directory: databases. */
const DATABASES = ['.pki/nssdb', 'snap/chromium/current/.pki/nssdb'];
/** Below the home directory: folders with one profile a directory. */
const PROFILE_FOLDERS = [
  '.mozilla/firefox',
  '.config/mozilla/firefox',
  'snap/firefox/common/.mozilla/firefox',
  '.var/app/org.mozilla.firefox/.mozilla/firefox',
];
/** The file of the only format that NSS still writes. */
const DATABASE_FILE = 'cert9.db';
/** A CA for TLS servers, and for nothing else (certutil -t). */
const TRUST = 'C,,';

export function nssStores(machine: Machine): readonly Store[] {
  const tool = machine.find('certutil');
  return databases(machine).map((directory): Store => {
    const database = `sql:${directory}`;
    const command = tool ?? 'certutil';
    return {
      kind: 'nss',
      where: directory,
      missing: tool === null ? 'certutil is missing: install libnss3-tools (Debian) or nss-tools (Red Hat)' : null,
      holds: (ca) => tool !== null && machine.run(tool, ['-L', '-d', database, '-n', nameOf(ca)]).ok,
      install: (ca) => [
        { kind: 'run', command, args: ['-A', '-d', database, '-t', TRUST, '-n', nameOf(ca), '-i', ca.file] },
      ],
      uninstall: (ca) => [{ kind: 'run', command, args: ['-D', '-d', database, '-n', nameOf(ca)] }],
    };
  });
}

function databases({ home }: Machine): readonly string[] {
  if (home === null) return [];
  const profiles = PROFILE_FOLDERS.map((folder) => join(home, folder)).flatMap((folder) =>
    namesIn(folder).map((name) => join(folder, name)),
  );
  const single = DATABASES.map((path) => join(home, path));
  return [...single, ...profiles].filter((directory) => pathExists(join(directory, DATABASE_FILE)));
}

function namesIn(directory: string): readonly string[] {
  try {
    return listDirectory(directory) ?? [];
  } catch (thrown) {
    if (thrown instanceof FileError) return [];
    throw thrown;
  }
}
