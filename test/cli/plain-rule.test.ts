import { describe, expect, it } from 'vitest';
import { FLOOR_ONLY, ruleOfValue, ruleOfYaml } from '../../src/cli/plain-rule.ts';
import { readYaml } from '../../src/policy/yaml.ts';

const pin = `sha256/${Buffer.alloc(32, 7).toString('base64')}`;

describe('a rule on its own', () => {
  it.each([{ pinns: {} }, { pins: { anyOf: [{ any: 'sha256/short' }] } }, { checks: { ct: 'maybe' } }, 5, null, []])(
    'is refused: %j',
    (value) => {
      expect(ruleOfValue(value, 'line', new Map()).ok).toBe(false);
    },
  );

  it('asks nothing above the floor when nobody says otherwise', () => {
    const loaded = ruleOfValue(FLOOR_ONLY, 'line', new Map());
    expect(loaded).toMatchObject({ ok: true, value: { onFailure: 'block', anchors: 'public', mode: 'terminate' } });
    if (loaded.ok) expect(new Set(Object.values(loaded.value.checks))).toEqual(new Set(['off']));
  });

  it('needs neither name, hosts nor a backup pin, and knows where it was written', () => {
    const yaml = readYaml(`onFailure: alert\npins: { anyOf: [{ any: "${pin}" }] }\n`, 'rule.yaml');
    if (!yaml.ok) throw new Error('does not parse');
    const loaded = ruleOfYaml(yaml.value, new Map());
    expect(loaded).toMatchObject({ ok: true, value: { onFailure: 'alert', pins: { anyOf: [{ scope: 'any' }] } } });
    if (loaded.ok) expect(loaded.value.pins.anyOf[0]?.place).toMatchObject({ file: 'rule.yaml', line: 2 });
  });
});
