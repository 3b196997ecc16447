/**
 * The system's store: what curl, git, Python's ssl and most programs in C and Go read.
 *
 * Does: put one file beside the others that administrators added, and let the system's own tool build the store.
 * Does not: touch the generated bundles themselves.
 */
import { join } from 'node:path';
import { FileError, listDirectory, readText } from '../../host/files.ts';
import type { Machine } from './machine.ts';
import { nameOf, type Store, type TrustedCa } from './store.ts';

interface Flavour {
  /** Where administrators put CAs. */
  readonly directory: string;
  readonly suffix: string;
  readonly tool: string;
  readonly add: readonly string[];
  readonly drop: readonly string[];
}

/** In this order: Red Hat has an update-ca-certificates in some images, which only forwards. */
const FLAVOURS: readonly Flavour[] = [
  // Red Hat, Fedora, Amazon
  {
    directory: '/etc/pki/ca-trust/source/anchors',
    suffix: '.pem',
    tool: 'update-ca-trust',
    add: ['extract'],
    drop: ['extract'],
  },
  // Debian, Ubuntu, Alpine. Without --fresh a removed CA stays as a dead link.
  {
    directory: '/usr/local/share/ca-certificates',
    suffix: '.crt',
    tool: 'update-ca-certificates',
    add: [],
    drop: ['--fresh'],
  },
  // Arch
  {
    directory: '/etc/ca-certificates/trust-source/anchors',
    suffix: '.crt',
    tool: 'trust',
    add: ['extract-compat'],
    drop: ['extract-compat'],
  },
  // SUSE
  { directory: '/usr/share/pki/trust/anchors', suffix: '.pem', tool: 'update-ca-certificates', add: [], drop: [] },
];

const MAX_PEM_BYTES = 256 * 1024;

/** None on systems with another kind of store (macOS, Windows). */
export function systemStores(machine: Machine): readonly Store[] {
  const flavour = FLAVOURS.find(({ directory }) => isDirectory(join(machine.root, directory)));
  if (flavour === undefined) return [];
  const directory = join(machine.root, flavour.directory);
  const tool = machine.find(flavour.tool);
  const fileOf = (ca: TrustedCa): string => join(directory, `${nameOf(ca)}${flavour.suffix}`);
  return [
    {
      kind: 'system',
      where: directory,
      missing: tool === null ? `${flavour.tool} is missing: install the package ca-certificates` : null,
      holds: (ca) => readOrNull(fileOf(ca)) === ca.pem,
      install: (ca) => [
        { kind: 'write', file: fileOf(ca), text: ca.pem },
        { kind: 'run', command: tool ?? flavour.tool, args: flavour.add },
      ],
      uninstall: (ca) => [
        { kind: 'remove', file: fileOf(ca) },
        { kind: 'run', command: tool ?? flavour.tool, args: flavour.drop },
      ],
    },
  ];
}

function isDirectory(path: string): boolean {
  try {
    return listDirectory(path) !== null;
  } catch (thrown) {
    if (thrown instanceof FileError) return false;
    throw thrown;
  }
}

function readOrNull(file: string): string | null {
  try {
    return readText(file, MAX_PEM_BYTES);
  } catch (thrown) {
    if (thrown instanceof FileError) return null;
    throw thrown;
  }
}
