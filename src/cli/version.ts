/** Which build this is, for `/version`, `build_info`, the first screen and `version [--json]`. */
import { fileURLToPath } from 'node:url';
import { readText } from '../host/files.ts';
import type { Versions } from '../runtime/supervisor-metrics.ts';
import type { Io } from './io.ts';
import { EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

/** Beside src/ and dist/ alike. */
const PACKAGE_FILE = fileURLToPath(new URL('../../package.json', import.meta.url));
const MAX_PACKAGE_BYTES = 64 * 1024;

export function versions(): Versions {
  const value: unknown = JSON.parse(readText(PACKAGE_FILE, MAX_PACKAGE_BYTES));
  const version = typeof value === 'object' && value !== null && 'version' in value ? String(value.version) : 'unknown';
  return { version, node: process.versions.node, openssl: process.versions.openssl ?? 'unknown' };
}

/** @returns 0, 2 for a wrong command line. */
export async function runVersion(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('version', io, async () => {
    const { values, positionals } = readArguments(argv, { json: { type: 'boolean', default: false } });
    if (positionals.length > 0) throw new UsageError('takes no names');
    const { version, node, openssl } = versions();
    io.out(
      values.json ? `${JSON.stringify(versions())}\n` : `pinwarden ${version} (node ${node}, openssl ${openssl})\n`,
    );
    return EXIT_OK;
  });
}
