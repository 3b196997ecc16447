import { expect, it } from 'vitest';
import { configSchema } from '../../src/policy/config-schema.ts';
import { checkShape } from '../../src/policy/schema.ts';

it('fills in every default, so that two words start a proxy', () => {
  const shape = checkShape(configSchema, { version: 1 });
  expect(shape.ok).toBe(true);
  if (shape.ok) expect(shape.value).toMatchObject({ anchors: 'public', aia: 'off', crl: { fetch: 'off' }, ct: {} });
});

it('knows no key that nobody reads', () => {
  for (const value of [{ crl: { url: 'x' } }, { fetch: { https: true } }, { ct: { list: 'x' } }, { aia: true }]) {
    expect(checkShape(configSchema, { version: 1, ...value }).ok).toBe(false);
  }
});
