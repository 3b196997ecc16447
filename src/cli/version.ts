/** Which build this is, for `/version`, `build_info` and the first screen. */
import { fileURLToPath } from 'node:url';
import { readText } from '../host/files.ts';
import type { Versions } from '../runtime/supervisor-metrics.ts';

/** Beside src/ and dist/ alike. */
const PACKAGE_FILE = fileURLToPath(new URL('../../package.json', import.meta.url));
const MAX_PACKAGE_BYTES = 64 * 1024;

export function versions(): Versions {
  const value: unknown = JSON.parse(readText(PACKAGE_FILE, MAX_PACKAGE_BYTES));
  const version = typeof value === 'object' && value !== null && 'version' in value ? String(value.version) : 'unknown';
  return { version, node: process.versions.node, openssl: process.versions.openssl ?? 'unknown' };
}
