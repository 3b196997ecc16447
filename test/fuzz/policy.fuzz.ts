/** Policy files from nowhere: the loader never throws, always ends, and every mistake has a place in the file. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseDate } from '../../src/policy/dates.ts';
import { parsePattern } from '../../src/policy/hosts.ts';
import { loadConfig, loadPolicy } from '../../src/policy/load.ts';
import type { Loaded } from '../../src/policy/mistakes.ts';
import { printMistake } from '../../src/policy/mistakes.ts';
import { configOf, PIN_A, PIN_B, source } from '../support/policies.ts';

const CONFIG = configOf('clients: { ci: [10.0.0.0/8] }');
const GOOD = `version: 1
pinGroups:
  g: { expires: 2027-06-01, onExpiry: alert, pins: [{ key: "${PIN_A}", name: a }, { key: "${PIN_B}", backup: true }] }
defaults: { onFailure: alert, checks: { ct: require } }
weakens: [{ rule: a, reason: r, until: 2027-06-01 }]
rules:
  - name: a
    match: [a.example, "*.b.example:8443", "**.münchen.example", 192.0.2.1]
    except: [c.b.example]
    clients: [ci]
    pins: { anyOf: [{ ca: g }], noneOf: [{ leaf: "${PIN_A}" }] }
    unsafeFloor: { action: alert, reason: r, until: 2027-06-01 }
    tls: { minVersion: "1.3" }
    unsafeTls: { minVersion: "1.0", ciphers: legacy, reason: r, until: 2027-06-01 }
    certificatePolicies: ["2.23.140.1.2.2", "2.5.29.32.0"]
  - { name: b, match: &m [x.example], mode: bypass, reason: r, anchors: [x.pem] }
`;

function expectSane(loaded: Loaded<unknown>, text: string): void {
  if (loaded.ok) return;
  expect(loaded.mistakes.length).toBeGreaterThan(0);
  const lines = text.split('\n').length;
  for (const mistake of loaded.mistakes) {
    expect(mistake.place.line).toBeGreaterThanOrEqual(1);
    expect(mistake.place.line).toBeLessThanOrEqual(lines + 1);
    expect(mistake.place.column).toBeGreaterThanOrEqual(1);
    expect(printMistake(mistake, text)).toContain(mistake.message);
  }
}

const check = (text: string): void => {
  expectSane(loadPolicy([source(text)], CONFIG), text);
  expectSane(loadConfig(text, '/etc/pw/pinwarden.yaml'), text);
};

it('takes the file that the others are made from', () => {
  expect(loadPolicy([source(GOOD)], CONFIG).ok).toBe(true);
});

it('survives any text', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 300 });
  const tokens = fc.constantFrom(
    '- ',
    '? ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '&a ',
    '*a',
    '!t ',
    '"',
    "'",
    '|\n',
    '>\n',
    '\n',
    '  ',
    '#',
    '%',
    '<<: ',
    '---\n',
    'rules',
    'x',
  );
  fc.assert(
    fc.property(
      fc.array(tokens, { maxLength: 60 }).map((all) => all.join('')),
      check,
    ),
    { numRuns: 500 },
  );
});

it('survives a good file with a piece replaced', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.constantFrom('', '*', '&x ', '*x', '{', ']', ': ', '\n', '__proto__: ', '0777', '~'),
  );
  const place = fc.nat(GOOD.length);
  fc.assert(
    fc.property(place, fc.nat(20), piece, (start, length, put) =>
      check(GOOD.slice(0, start) + put + GOOD.slice(start + length)),
    ),
    { numRuns: 500 },
  );
});

it('survives values of every shape', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 5 }),
      fc.constantFrom('rules', 'defaults', 'pinGroups', 'listen', 'egress', 'policies'),
      (value, key) => check(`version: 1\n${key}: ${JSON.stringify(value)}\n`),
    ),
    { numRuns: 500 },
  );
});

it('reads hosts and dates of every kind, and hosts only once', () => {
  const host = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.domain(),
    fc.ipV4(),
    fc.ipV6(),
    fc.webUrl(),
    fc.stringMatching(/^[a*.:[\]0-9-]{0,30}$/),
  );
  fc.assert(
    fc.property(host, (text) => {
      const parsed = parsePattern(text);
      if (parsed.ok) {
        const { kind, host: name, port } = parsed.value;
        const stars = { exact: '', one: '*.', deep: '**.' }[kind];
        const printed = `${stars}${name.includes(':') ? `[${name}]` : name}${port === null ? '' : `:${port}`}`;
        expect(parsePattern(printed)).toEqual(parsed);
      }
      parseDate(text);
    }),
    { numRuns: 2000 },
  );
});
