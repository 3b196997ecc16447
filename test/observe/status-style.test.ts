import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { STATUS_POLICY, STATUS_STYLE } from '../../src/observe/status-style.ts';

it('lets in this style and nothing else', () => {
  const digest = createHash('sha256').update(STATUS_STYLE).digest('base64');
  expect(STATUS_POLICY.split('; ')).toEqual([
    "default-src 'none'",
    `style-src 'sha256-${digest}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]);
});

it('loads nothing and has both colour schemes', () => {
  expect(STATUS_STYLE).not.toMatch(/url\(|@import|<|expression/);
  expect(STATUS_STYLE).toContain('prefers-color-scheme:dark');
});
