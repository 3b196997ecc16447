/** `tls` and `unsafeTls` of a rule, compiled; what holds of them at a moment says verify/floor.ts. */
import { isOlder, NORMAL_TLS_FLOOR } from '../model/tls.ts';
import { readUntil } from './dates.ts';
import type { Notes } from './notes.ts';
import type { Rule, UnsafeTls } from './policy.ts';
import type { PlainRuleShape, PolicyShape } from './schema.ts';
import type { YamlPath } from './yaml.ts';

/** One value for the many rules that say the same. */
const FLOORS = Object.freeze({
  '1.2': Object.freeze({ minVersion: '1.2' }),
  '1.3': Object.freeze({ minVersion: '1.3' }),
} as const);

export function compileTls(shape: PlainRuleShape['tls'], defaults: NonNullable<PolicyShape['defaults']>): Rule['tls'] {
  return FLOORS[shape?.minVersion ?? defaults.tls?.minVersion ?? '1.2'];
}

/** Refuses what could never work, and what would lower nothing: whoever reads the rule must not be misled. */
export function compileUnsafeTls(
  shape: PlainRuleShape['unsafeTls'],
  { minVersion: floor }: Rule['tls'],
  path: YamlPath,
  notes: Notes,
): UnsafeTls | null {
  if (shape === undefined) return null;
  const { minVersion = '1.2', ciphers = 'legacy', reason } = shape;
  if (ciphers === 'default') {
    if (isOlder(minVersion, NORMAL_TLS_FLOOR.minVersion)) {
      notes.error([...path, 'ciphers'], `TLS ${minVersion} has none of the default ciphers`, 'say `ciphers: legacy`');
    } else if (!isOlder(minVersion, floor)) {
      notes.error(path, '`unsafeTls` lowers nothing', 'remove it, or say `ciphers: legacy`', 'key');
    }
  }
  return Object.freeze({ minVersion, ciphers, reason, untilMs: readUntil(shape.until, [...path, 'until'], notes) });
}
