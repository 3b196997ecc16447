import { describe, expect, it } from 'vitest';
import type { Path } from '../../../src/pki/path/builder.ts';
import { isDenied, matchingPin, pinsEnforce } from '../../../src/verify/checks/pins.ts';
import { authority } from '../../support/test-ca.ts';
import { AT, AT_MS, certificateOf, evidenceOf, pinOf, ruleOf, trustOf, verify } from '../verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const leaf = root.issueLeaf({ dns: ['good.test'] });
const stranger = authority({ cn: 'Stranger', at: AT });
const path: Path = [certificateOf(leaf), certificateOf(root)];
const anyOf = (...pins: ReturnType<typeof pinOf>[]) => ruleOf({ pins: { anyOf: pins, noneOf: [] } });

describe('matchingPin', () => {
  it('keeps to its scope', () => {
    expect(matchingPin(anyOf(pinOf(leaf, { scope: 'ca' }), pinOf(root, { scope: 'leaf' })), path)).toBeNull();
    for (const pin of [pinOf(leaf, { scope: 'leaf' }), pinOf(root, { scope: 'ca' }), pinOf(root), pinOf(leaf)]) {
      expect(matchingPin(anyOf(pinOf(stranger), pin), path)).toBe(pin);
    }
  });

  it('prefers a primary pin to a backup', () => {
    const [backup, primary] = [pinOf(root, { backup: true }), pinOf(leaf)];
    expect(matchingPin(anyOf(backup, primary), path)).toBe(primary);
    expect(matchingPin(anyOf(backup), path)).toBe(backup);
  });
});

describe('isDenied', () => {
  it('keeps to its scope', () => {
    const rule = ruleOf({ pins: { anyOf: [], noneOf: [pinOf(root, { scope: 'leaf' })] } });
    expect(isDenied(rule, certificateOf(root), true)).toBe(true);
    expect(isDenied(rule, certificateOf(root), false)).toBe(false);
    expect(isDenied(rule, certificateOf(leaf), true)).toBe(false);
  });
});

describe('pinsEnforce', () => {
  const alert = { expiresMs: AT_MS, onExpiry: 'alert' } as const;

  it('ends when the last pin has expired that way', () => {
    expect(pinsEnforce(anyOf(pinOf(root, alert)), AT_MS)).toBe(false);
    expect(pinsEnforce(anyOf(pinOf(root, alert)), AT_MS - 1)).toBe(true);
    expect(pinsEnforce(anyOf(pinOf(root, alert), pinOf(leaf)), AT_MS)).toBe(true);
    expect(pinsEnforce(anyOf(pinOf(root, { ...alert, onExpiry: 'block' })), AT_MS)).toBe(true);
  });
});

describe('the report', () => {
  const report = (rule: ReturnType<typeof ruleOf>) =>
    verify(evidenceOf([leaf]), trustOf({ anchors: [root] }), rule).report;

  it('says what was expected and what was there', () => {
    const { findings, pinHit } = report(anyOf(pinOf(stranger, { name: 'spare' })));
    expect(findings[0]?.facts).toEqual({
      expected: [`any ${stranger.pin} spare`],
      observed: [`${leaf.pin} CN=good.test`, `${root.pin} CN=Root`],
    });
    expect(pinHit).toBeNull();
  });

  it('says which pin matched', () => {
    expect(report(anyOf(pinOf(root, { backup: true, name: 'spare' }))).pinHit).toEqual({
      pin: 'backup',
      name: 'spare',
      spkiSha256: pinOf(root).spkiSha256,
    });
    expect(report(anyOf(pinOf(leaf))).pinHit).toMatchObject({ pin: 'primary', name: null });
    expect(report(ruleOf()).pinHit).toBeNull();
  });

  it('says that the pins have expired', () => {
    const { findings } = report(anyOf(pinOf(stranger, { expiresMs: AT_MS, onExpiry: 'alert', group: 'old' })));
    expect(findings.map((entry) => entry.code)).toEqual(['pin.mismatch', 'pin.expired']);
  });
});
