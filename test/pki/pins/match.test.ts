import { describe, expect, it } from 'vitest';
import { matchPins, type PinScope } from '../../../src/pki/pins/match.ts';

const path = (...keys: string[]) => keys.map((spkiSha256) => ({ spkiSha256 }));
const pin = (spkiSha256: string, scope: PinScope) => ({ spkiSha256, scope });
const depths = (keys: string[], ...pins: ReturnType<typeof pin>[]) =>
  matchPins(path(...keys), pins).map((match) => match.depth);

describe('matchPins', () => {
  it('finds nothing where there is nothing', () => {
    expect(matchPins([], [pin('leaf', 'any')])).toEqual([]);
    expect(depths(['leaf', 'ca'], pin('other', 'any'))).toEqual([]);
    expect(depths(['leaf', 'ca'])).toEqual([]);
    expect(matchPins([], [pin('', 'any')])).toEqual([]);
  });

  it('keeps to the scope', () => {
    const keys = ['leaf', 'ca', 'root'];
    expect(depths(keys, pin('leaf', 'ca'))).toEqual([]);
    expect(depths(keys, pin('ca', 'leaf'))).toEqual([]);
    expect(depths(keys, pin('leaf', 'leaf'), pin('leaf', 'any'))).toEqual([0, 0]);
    expect(depths(keys, pin('root', 'ca'), pin('ca', 'any'))).toEqual([2, 1]);
  });

  it('knows a key in two places', () => {
    expect(depths(['same', 'same', 'same'], pin('same', 'leaf'), pin('same', 'ca'), pin('same', 'any'))).toEqual([
      0, 1, 0,
    ]);
  });

  it('a path of one certificate has a leaf and no issuer', () => {
    expect(depths(['leaf'], pin('leaf', 'leaf'), pin('leaf', 'ca'))).toEqual([0]);
  });

  it('answers with the pins it was given, in their order', () => {
    const pins = [pin('ca', 'ca'), pin('x', 'any'), pin('leaf', 'leaf')];
    expect(matchPins(path('leaf', 'ca'), pins).map((match) => match.pin)).toEqual([pins[0], pins[2]]);
  });
});
