/**
 * Reads the trace id of a request from `traceparent` (W3C Trace Context, level 1, §3.2), so that the audit lines of a
 * tunnel can be found from the client's trace.
 *
 * Does: one field, at most one, in its exact form; whatever else is there counts as absent, never as an error.
 * Does not: forward, sample or make ids.
 */
import { fieldValues } from './connect-head.ts';

/** 55 characters in version 00. Later versions may append fields; more than this is none that we know how to bound. */
const LENGTH_MAX = 256;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ALL_ZERO = /^0+$/;

/** The trace id, 32 hexadecimal digits in small letters; null: none was sent, or not in its form. */
export function readTraceId(rawHeaders: readonly string[]): string | null {
  const [value, ...more] = fieldValues(rawHeaders, 'traceparent');
  if (value === undefined || more.length > 0 || value.length > LENGTH_MAX) return null;
  const [, version, traceId, parentId, rest] = TRACEPARENT.exec(value) ?? [];
  if (version === undefined || traceId === undefined || parentId === undefined) return null;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null;
  return ALL_ZERO.test(traceId) || ALL_ZERO.test(parentId) ? null : traceId;
}
