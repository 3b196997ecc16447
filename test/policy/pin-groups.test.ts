import { describe, expect, it } from 'vitest';
import { loadShippedGroups } from '../../src/policy/pin-groups.ts';
import { errorsOf, load, PIN_A, PIN_B, policyOf } from '../support/policies.ts';

const withGroup = (group: string, reference = '{ ca: g }') =>
  load(`pinGroups: { g: ${group} }\nrules: [{ name: r, match: [r.example], pins: { anyOf: [${reference}] } }]`);
const PINS = `pins: [{ key: "${PIN_A}", name: one }, { key: "${PIN_B}", backup: true }]`;

describe('pin groups: refused', () => {
  it.each([
    ['{ pins: [] }', '`pins` is out of range: at least 1 entries'],
    [`{ ${PINS}, expires: 2027-02-30 }`, '`2027-02-30` is not a date'],
    [`{ ${PINS}, onExpiry: alert }`, '`onExpiry` without `expires` does nothing'],
    [`{ ${PINS}, onExpiry: fail, expires: 2027-06-01 }`, '`onExpiry` is `fail`, expected `alert` or `block`'],
    [`{ pins: [{ key: "${PIN_A}" }, { key: "${PIN_A}" }] }`, 'the same key is in the group twice'],
    ['{ pins: [{ key: 7 }] }', '`key` is a number `7`, expected a text'],
    ['{ pins: [{ name: x }] }', '`key` is missing'],
  ])('%s', (group, message) => expect(errorsOf(withGroup(group)).join('\n')).toContain(message));

  it.each([
    PIN_A.slice(0, -1),
    PIN_A.replace('sha256/', 'sha256//'),
    PIN_A.replace('sha256/', 'sha1/'),
    PIN_A.toUpperCase(),
    ` ${PIN_A}`,
    'ab'.repeat(32),
    '-----BEGIN PUBLIC KEY-----',
  ])('the key %s', (key) =>
    expect(errorsOf(withGroup(`{ pins: [{ key: "${key}" }] }`)).join('\n')).toContain('is not a pin'),
  );

  it('a digest in hexadecimal or base64url, with the pin that it would be', () => {
    const said = (reference: string) => {
      const loaded = load(`rules: [{ name: r, match: [r.example], pins: { anyOf: [{ ca: "${reference}" }] } }]`);
      return loaded.ok ? [] : loaded.mistakes.map(({ message, hint }) => `${message} → ${hint}`);
    };
    const digest = Buffer.alloc(32, 0xfb);
    const pin = `sha256/${digest.toString('base64')}`;
    for (const [text, why] of [
      [digest.toString('hex'), 'this is hexadecimal'],
      [`sha256/${digest.toString('base64url')}=`, 'this is base64url'],
      [`sha256//${digest.toString('base64')}`, "this is curl's form"],
    ] as const) {
      expect(said(text)[0]).toContain(why);
      expect(said(text)[0]).toContain(`write \`${pin}\``);
    }
    expect(said(`sha1/${digest.toString('base64').slice(0, 27)}=`)[0]).toContain('SHA-1 pins are not safe');
    const named = `pinGroups: { ${'ab'.repeat(32)}: { ${PINS} } }\nrules: [{ name: r, match: [r.example], pins: { anyOf: [{ ca: ${'ab'.repeat(32)} }] } }]`;
    expect(errorsOf(load(named))).toEqual([]);
  });

  it.each([
    ['{}', 'exactly one of'],
    [`{ leaf: "${PIN_A}", ca: "${PIN_A}" }`, 'exactly one of'],
    ['{ ca: h }', 'there is no pin group `h`'],
    ['{ ca: "@letsencrypt" }', 'there is no pin group `@letsencrypt`'],
    ['{ ca: g, name: x }', '`name` belongs to a key'],
    ['{ ca: g, backup: true }', '`backup` belongs to a key'],
    ['{ ca: 7 }', '`ca` is a number'],
  ])('the reference %s', (reference, message) =>
    expect(errorsOf(withGroup(`{ ${PINS} }`, reference)).join('\n')).toContain(message),
  );

  it('files of groups that are wrong in YAML, shape or pins', () => {
    const errors = (text: string) => errorsOf(loadShippedGroups(text, '/g.yaml'));
    expect(errors('')).toEqual(['1:1 the file is empty']);
    expect(errors('version: 1\n')).toEqual(['1:1 `pinGroups` is missing']);
    expect(errors('version: 1\npinGroups: { g: { pins: [{ key: x }] } }\n')[0]).toContain('`x` is not a pin');
  });
});

describe('pin groups: compiled', () => {
  it('carry scope, name, backup and expiry into the rule', () => {
    const policy = policyOf(
      `pinGroups: { g: { expires: 2027-06-01, onExpiry: alert, ${PINS} } }\nrules: [{ name: r, match: [r.example], pins: { anyOf: [{ leaf: g }, { any: "${PIN_A}", name: inline, backup: true }] } }]`,
    );
    const expiresMs = Date.UTC(2027, 5, 1);
    expect(policy.rules[0]?.pins.anyOf).toMatchObject([
      {
        scope: 'leaf',
        name: 'one',
        backup: false,
        group: 'g',
        expiresMs,
        onExpiry: 'alert',
        spkiSha256: PIN_A.slice(7),
      },
      { scope: 'leaf', name: null, backup: true, group: 'g', expiresMs, spkiSha256: PIN_B.slice(7) },
      { scope: 'any', name: 'inline', backup: true, group: null, expiresMs: null, onExpiry: 'block' },
    ]);
  });

  it('of the product are named with @', () => {
    const loaded = loadShippedGroups(`version: 1\npinGroups: { g: { ${PINS} } }\n`, '/g.yaml');
    expect(loaded.ok && [...loaded.value.keys()]).toEqual(['@g']);
    expect(loaded.ok && loaded.value.get('@g')?.pins[0]).toMatchObject({
      group: '@g',
      place: { file: '/g.yaml', line: 2 },
    });
  });
});
