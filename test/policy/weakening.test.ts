import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/load.ts';
import { weakenings } from '../../src/policy/weakening.ts';
import { configOf, load, PIN_A, PIN_B, PIN_C, policyOf, source } from '../support/policies.ts';

const NOW_MS = Date.UTC(2027, 0, 1);
const PINS = `pins: { anyOf: [{ ca: "${PIN_A}" }, { ca: "${PIN_B}" }], noneOf: [{ any: "${PIN_C}" }] }`;
const BANK = `{ name: bank, match: [api.bank.example, "**.bank.example"], onFailure: block, ${PINS}, checks: { ct: require } }`;
const policy = (rules: string, more = '') => policyOf(`${more}\nrules: [${rules}]`);
const old = policy(BANK);
const lost = (rules: string, more = '') =>
  weakenings(old, policy(rules, more), NOW_MS).map(({ rule, what }) => `${rule} ${what}`);
const change = (from: string, to: string): string => {
  expect(BANK).toContain(from);
  return BANK.replace(from, to);
};

describe('weakenings: refused', () => {
  it.each([
    ['a rule is gone', '{ name: other, match: [other.example] }', ['bank rule']],
    ['a host is gone', change('"**.bank.example"', 'x.example'), ['bank rule']],
    ['a host is excepted', change('onFailure', 'except: [pay.bank.example], onFailure'), ['bank rule']],
    ['a host is kept for some clients', change('onFailure', 'clients: [ci], onFailure'), ['bank rule']],
    ['a host is kept for one port', change('"**.bank.example"', '"**.bank.example:444"'), ['bank rule']],
    ['a failure alerts', change('block', 'alert'), ['bank onFailure']],
    ['a check is optional', change('ct: require', 'ct: if-present'), ['bank checks.ct']],
    ['a check is off', change('ct: require', 'ct: require, staple: off'), ['bank checks.staple']],
    [
      'the floor is lowered',
      change('onFailure', 'unsafeFloor: { action: alert, reason: r, until: 2028-01-01 }, onFailure'),
      ['bank unsafeFloor'],
    ],
    [
      'old TLS is spoken',
      change('onFailure', 'unsafeTls: { minVersion: "1.0", reason: r, until: 2028-01-01 }, onFailure'),
      ['bank unsafeTls'],
    ],
    ['plain HTTP is allowed', change('onFailure', 'plaintext: allow, onFailure'), ['bank plaintext']],
    [
      'private addresses are allowed',
      change('onFailure', 'allowPrivate: [10.0.0.0/8], onFailure'),
      ['bank allowPrivate'],
    ],
    ['denied keys are let go', change(`noneOf: [{ any: "${PIN_C}" }]`, 'noneOf: []'), ['bank pins.noneOf']],
    [
      'a more specific rule is weaker',
      `${BANK}, { name: hole, match: [pay.bank.example], mode: bypass, reason: r }`,
      ['bank mode', 'bank pins.anyOf', 'bank pins.noneOf', 'bank checks.ct', 'bank plaintext'],
    ],
    [
      'the whole rule is bypassed',
      '{ name: bank, match: [api.bank.example, "**.bank.example"], mode: bypass, reason: r }',
      ['bank mode', 'bank pins.anyOf', 'bank pins.noneOf', 'bank checks.ct', 'bank plaintext'],
    ],
  ])('%s', (_, rules, expected) => expect(lost(rules).toSorted()).toEqual(expected.toSorted()));

  it.each([
    ['bypassed under another name', 'mode: bypass, reason: r', 'mode'],
    [
      'without its floor under another name',
      'unsafeFloor: { action: alert, reason: r, until: 2028-01-01 }',
      'unsafeFloor',
    ],
  ])('a host that only alerted, %s', (_, fields, what) => {
    const alerting = policy('{ name: trial, match: [a.example], onFailure: alert }');
    const next = policy(`{ name: other, match: [a.example], ${fields} }`);
    expect(weakenings(alerting, next, NOW_MS).map((entry) => `${entry.rule} ${entry.what}`)).toEqual([`trial ${what}`]);
  });

  it('a rule whose TLS floor sinks, by whatever word', () => {
    const floored = (fields: string) => policy(`{ name: bank, match: [a.example], onFailure: alert, ${fields} }`);
    const words = (from: string, to: string) => weakenings(floored(from), floored(to), NOW_MS).map(({ what }) => what);
    const unsafe = (version: string, ciphers: string, until = '2028-01-01') =>
      `unsafeTls: { minVersion: "${version}", ciphers: ${ciphers}, reason: r, until: ${until} }`;
    expect(words('tls: { minVersion: "1.3" }', '')).toEqual(['tls.minVersion']);
    expect(words('tls: { minVersion: "1.3" }', 'tls: { minVersion: "1.2" }')).toEqual(['tls.minVersion']);
    expect(words('', 'tls: { minVersion: "1.3" }')).toEqual([]);
    expect(words(unsafe('1.1', 'legacy'), unsafe('1.0', 'legacy'))).toEqual(['unsafeTls']);
    const modern = `tls: { minVersion: "1.3" }, ${unsafe('1.2', 'default')}`;
    expect(words(modern, `tls: { minVersion: "1.3" }, ${unsafe('1.2', 'legacy')}`)).toEqual(['unsafeTls']);
    expect(words(unsafe('1.0', 'legacy', '2026-12-31'), unsafe('1.0', 'legacy'))).toEqual(['unsafeTls']);
    // Ended, or the same again.
    expect(words('', unsafe('1.0', 'legacy', '2026-12-31'))).toEqual([]);
    expect(words(unsafe('1.0', 'legacy'), unsafe('1.1', 'legacy', '2029-01-01'))).toEqual([]);
  });

  it('a rule that asks for no certificate policy any more, or for one more', () => {
    const asking = (fields: string) => policy(`{ name: bank, match: [a.example], ${fields} }`);
    const words = (from: string, to: string) => weakenings(asking(from), asking(to), NOW_MS).map(({ what }) => what);
    expect(words('certificatePolicies: ["1.2.3"]', '')).toEqual(['certificatePolicies']);
    expect(words('certificatePolicies: ["1.2.3"]', 'certificatePolicies: ["1.2.3", "1.2.4"]')).toEqual([
      'certificatePolicies',
    ]);
    expect(words('certificatePolicies: ["1.2.3", "1.2.4"]', 'certificatePolicies: ["1.2.4"]')).toEqual([]);
    expect(words('', 'certificatePolicies: ["1.2.4"]')).toEqual([]);
    // anyPolicy asks for some policy: any other list is narrower, and it is wider than any.
    expect(words('certificatePolicies: ["2.5.29.32.0"]', 'certificatePolicies: ["1.2.4"]')).toEqual([]);
    expect(words('certificatePolicies: ["1.2.4"]', 'certificatePolicies: ["2.5.29.32.0"]')).toEqual([
      'certificatePolicies',
    ]);
  });

  it('hosts that no rule matches may sink as little', () => {
    const before = policyOf(`rules: [${BANK}]`, configOf('unmatched: { tls: { minVersion: "1.3" } }'));
    const found = weakenings(before, policyOf(`rules: [${BANK}]`, configOf()), NOW_MS);
    expect(found.map(({ rule, what }) => `${rule} ${what}`)).toEqual(['unmatched tls.minVersion']);
  });

  describe('other anchors in pinwarden.yaml', () => {
    const RULES = [
      '{ name: a, match: [a.example] }',
      '{ name: own, match: [own.example], anchors: [own.pem] }',
      '{ name: b, match: [b.example], onFailure: alert }',
    ].join(', ');
    const under = (config: string, more = '') => policyOf(`${more}\nrules: [${RULES}]`, configOf(config));

    it.each([
      ['', 'anchors: system'],
      ['anchors: system', ''],
      ['', 'anchors: [corp.pem]'],
      ['anchors: [corp.pem]', ''],
      ['anchors: [corp.pem]', 'anchors: [corp.pem, more.pem]'],
      ['anchors: [corp.pem]\nunmatched: { action: deny }', 'anchors: system\nunmatched: { action: deny }'],
    ])('from %j to %j are one weakening of unmatched, which names what follows', (before, after) => {
      const found = weakenings(under(before), under(after), NOW_MS);
      expect(found).toMatchObject([{ rule: 'unmatched', what: 'anchors', place: { file: '/etc/pw/pinwarden.yaml' } }]);
      expect(found[0]?.message).toContain(before.includes('deny') ? '(`a`, `b`)' : '(`a`, `b`, `unmatched`)');
      const meant = 'weakens: [{ rule: unmatched, reason: merger, until: 2028-01-01 }]';
      expect(weakenings(under(before), under(after, meant), NOW_MS)).toEqual([]);
    });

    it('that are fewer files, or reach no rule, are none', () => {
      expect(weakenings(under('anchors: [a.pem, b.pem]'), under('anchors: [b.pem]'), NOW_MS)).toEqual([]);
      expect(weakenings(under('anchors: public'), under(''), NOW_MS)).toEqual([]);
    });

    it('of unmatched alone are its own', () => {
      const found = weakenings(under(''), under('unmatched: { anchors: system }'), NOW_MS);
      expect(found).toMatchObject([{ rule: 'unmatched', what: 'anchors', place: { line: 2 } }]);
      const own = policyOf('rules: [{ name: a, match: [a.example], anchors: system }]', configOf('anchors: public'));
      const follows = policyOf('rules: [{ name: a, match: [a.example] }]', configOf('anchors: public'));
      expect(weakenings(follows, own, NOW_MS)).toMatchObject([{ rule: 'a', what: 'anchors' }]);
      expect(weakenings(own, follows, NOW_MS)).toMatchObject([{ rule: 'a', what: 'anchors' }]);
    });
  });

  it('a rule that trusts other anchors than it chose', () => {
    const anchored = (anchors: string) => policy(BANK.replace('onFailure', `${anchors} onFailure`));
    const words = (from: string, to: string) =>
      weakenings(anchored(from), anchored(to), NOW_MS).map(({ what }) => what);
    expect(words('anchors: [a.pem],', 'anchors: system,')).toEqual(['anchors']);
    expect(words('anchors: [a.pem],', 'anchors: [a.pem, b.pem],')).toEqual(['anchors']);
    expect(words('anchors: [a.pem],', '')).toEqual(['anchors']);
    expect(words('anchors: [a.pem, b.pem],', 'anchors: [b.pem],')).toEqual([]);
    expect(words('', 'anchors: [a.pem],')).toEqual(['anchors']);
    expect(words('', 'anchors: public,'), 'the same in words').toEqual([]);
  });

  it('a client that a change of groups leads to a weaker rule, or out of a stricter one', () => {
    const rules = `rules: [${BANK}, { name: lab, match: [api.bank.example], clients: [lab], mode: bypass, reason: r },
      { name: till, match: [pay.example], clients: [till] }]`;
    const grouped = (clients: string) => policyOf(rules, configOf(`clients: ${clients}`));
    const words = (from: string, to: string) =>
      weakenings(grouped(from), grouped(to), NOW_MS).map(({ rule, what }) => `${rule} ${what}`);
    const clients = '{ lab: [10.9.0.0/16], till: [10.1.0.0/16] }';
    expect(words(clients, clients)).toEqual([]);
    expect(words(clients, '{ lab: [10.9.0.0/17], till: [10.0.0.0/8] }')).toEqual([]);
    expect(words(clients, '{ lab: [10.8.0.0/15], till: [10.1.0.0/16] }')).toContain('bank mode');
    expect(words(clients, '{ lab: [10.9.0.0/16], till: [10.1.0.0/17] }')).toEqual(['till rule']);
  });

  it('pins that are expired and only alert', () => {
    const group = `pinGroups: { g: { expires: 2026-06-01, onExpiry: alert, pins: [{ key: "${PIN_A}" }, { key: "${PIN_B}" }] } }`;
    const rule = BANK.replace(`{ ca: "${PIN_A}" }, { ca: "${PIN_B}" }`, '{ ca: g }');
    expect(lost(rule, group)).toEqual(['bank pins.anyOf', 'bank pins.onExpiry']);
  });

  it('an entry that has ended, or names another rule', () => {
    const rule = change('block', 'alert');
    expect(lost(rule, 'weakens: [{ rule: bank, reason: r, until: 2026-12-31 }]')).toEqual(['bank onFailure']);
    expect(lost(rule, 'weakens: [{ rule: other, reason: r, until: 2028-01-01 }]')).toEqual(['bank onFailure']);
  });

  it('what decides when no rule matches', () => {
    const rules = 'rules: [{ name: a, match: [a.example] }]';
    const deny = policyOf(rules, configOf('unmatched: { action: deny }'));
    const judge = policyOf(rules, configOf());
    const alert = policyOf(rules, configOf('unmatched: { onFailure: alert }'));
    const words = (from: typeof deny, to: typeof deny) =>
      weakenings(from, to, NOW_MS).map(({ rule, what }) => `${rule} ${what}`);
    expect(words(deny, judge)).toEqual(['unmatched rule']);
    expect(words(judge, alert)).toEqual(['unmatched onFailure']);
    expect(words(judge, deny)).toEqual([]);
    expect(words(alert, judge)).toEqual([]);
  });

  it('says where, and what to write', () => {
    const [first] = weakenings(old, policy(change('block', 'alert')), NOW_MS);
    expect(first).toMatchObject({
      severity: 'error',
      message: 'weakens rule `bank`, seen at api.bank.example:443: a failure alerts and does not block any more',
      hint: expect.stringContaining('weakens: [{ rule: bank'),
      place: { line: 3, column: 69 },
    });
  });
});

describe('weakenings: allowed', () => {
  it.each([
    ['nothing changes', BANK],
    ['a rule is renamed', change('name: bank', 'name: better')],
    [
      'a rule is split',
      `${change(', "**.bank.example"', '')}, ${BANK.replace('name: bank', 'name: rest').replace('api.bank.example, ', '')}`,
    ],
    ['a key is added or replaced', change(PIN_B, `sha256/${Buffer.alloc(32, 9).toString('base64')}`)],
    ['checks become stricter', change('ct: require', 'ct: require, lifetime: require')],
    ['a host is new', `${BANK}, { name: new, match: [new.example], onFailure: alert }`],
    ['a bypass is new, elsewhere', `${BANK}, { name: new, match: [new.example], mode: bypass, reason: r }`],
  ])('%s', (_, rules) => expect(lost(rules)).toEqual([]));

  it('a rule that only alerted may go, but not be lowered under its name', () => {
    const alerting = policy(BANK.replace('block', 'alert'));
    expect(weakenings(alerting, policy('{ name: x, match: [x.example] }'), NOW_MS)).toEqual([]);
    const lowered = policy(BANK.replace('block', 'alert').replace('ct: require', 'ct: off'));
    expect(weakenings(alerting, lowered, NOW_MS).map(({ what }) => what)).toEqual(['checks.ct']);
  });

  it('when the file says so', () => {
    expect(
      lost('{ name: other, match: [other.example] }', 'weakens: [{ rule: bank, reason: moved, until: 2028-01-01 }]'),
    ).toEqual([]);
  });

  it('an allow-list denies what a rule let through', () => {
    const next = policyOf('rules: [{ name: x, match: [x.example] }]', configOf('unmatched: { action: deny }'));
    expect(weakenings(old, next, NOW_MS)).toEqual([]);
  });

  it("only by the rule's own owner", () => {
    const text = (weakens: string, name: string) =>
      `version: 1\n${weakens}\nrules: [{ name: ${name}, match: [${name}.example] }]`;
    const owned = (rules: readonly [string, string][]) =>
      loadPolicy(
        rules.map(([owner, body]) => source(body, { owner, file: `/etc/pw/${owner}.yaml` })),
        configOf(),
      );
    const before = owned([
      ['pay', text('', 'bank')],
      ['web', text('', 'web')],
    ]);
    const after = owned([['web', text('weakens: [{ rule: bank, reason: r, until: 2028-01-01 }]', 'web')]]);
    expect(before.ok && after.ok && weakenings(before.value, after.value, NOW_MS).length).toBe(1);
  });
});

describe('a truncated file', () => {
  const text = `# what a bank demands
pinGroups:
  g:
    pins:
      - { key: "${PIN_A}" }
      - key: "${PIN_B}"
rules:
  - name: bank
    match:
      - api.bank.example
      - "*.bank.example"
    onFailure: block
    pins: { anyOf: [{ ca: g }] }
    checks:
      ct: require
      publicRoot: require
  - name: shop
    match: [shop.example]
    checks: { lifetime: require }
`;
  it('is never taken at any length, unless it means the same', () => {
    const whole = policyOf(text);
    for (let length = 0; length < text.length; length += 1) {
      const cut = load(text.slice(0, length));
      if (cut.ok && weakenings(whole, cut.value, NOW_MS).length === 0) {
        expect(text.slice(length).trim(), `cut at ${length}`).toMatch(/^\}?$/);
      }
    }
  });
});
