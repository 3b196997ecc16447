import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Der } from '../../src/model/der.ts';
import { type Exhibit, exhibitOf } from '../../src/observe/exhibit.ts';
import { parseExhibit, printExhibit } from '../../src/observe/exhibit-file.ts';
import { evidenceOf } from '../support/entries.ts';
import { mismatchEntry, rogueLeaf } from '../support/unexpected.ts';

const exhibit = exhibitOf(mismatchEntry())!;
const changed = (fields: Readonly<Record<string, unknown>>) =>
  parseExhibit(JSON.stringify({ format: 1, ...exhibit, ...fields }));

describe('is absent', () => {
  it.each(['', '{', '[]', 'null', '7', '{"format":1}', '{"format":2}'])('%s', (text) => {
    expect(parseExhibit(text)).toBeNull();
  });

  it('when it does not carry the name of its content', () => {
    expect(changed({ host: 'other.example' })).toBeNull();
    expect(changed({ codes: [] })).toBeNull();
    expect(changed({ id: 'f'.repeat(64) })).toBeNull();
    expect(changed({ chain: rogueLeaf('b.example').chainPem }), 'another chain').toBeNull();
    expect(changed({ chain: exhibit.chain + exhibit.chain }), 'a longer chain').toBeNull();
    expect(changed({ chain: '-----BEGIN CERTIFICATE-----' })).toBeNull();
  });

  it.each(Object.keys(exhibit))('when %s is not what it should be', (key) => {
    expect(changed({ [key]: { nonsense: [true] } })).toBeNull();
  });

  it('for anything else', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(exhibit)), fc.jsonValue()), (fields) => {
        const read = changed(fields);
        expect(read === null || read.id === exhibit.id).toBe(true);
      }),
    );
  });
});

it('comes back as it was', () => {
  const whole: Exhibit = exhibitOf(
    mismatchEntry({
      evidence: evidenceOf({ chain: [Der.of(rogueLeaf().der)], staple: Der.of(Buffer.from('staple')) }),
      client: { address: '10.4.0.9', port: 1, user: null, groups: ['ci'] },
    }),
  )!;
  expect(parseExhibit(printExhibit(exhibit))).toEqual(exhibit);
  expect(parseExhibit(printExhibit(whole))).toEqual(whole);
});

it('without paths, facts of every kind', () => {
  const facts = { word: 'a', count: 1, flag: true, list: ['x'] };
  const findings = [{ code: 'pin.mismatch', certificate: 0, facts }];
  expect(changed({ path: null, findings, staple: null })?.findings).toEqual(findings);
});
