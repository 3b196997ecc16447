/** SCT lists that are nearly right: always an answer, and nothing verifies that a log did not sign. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { precertTbs } from '../../src/pki/ct/precert.ts';
import { parseSctList, type SignedEntry, signedBytes, verifySct } from '../../src/pki/ct/sct.ts';
import { parsedList, sctList, testLog } from '../support/ct-log.ts';
import { mangled } from '../support/mangled.ts';
import { authority } from '../support/test-ca.ts';

const AT = Date.UTC(2026, 0, 1);
const entry: SignedEntry = { type: 'precert', issuerKeyHash: Buffer.alloc(32), tbs: Buffer.from('tbs') };
const log = testLog();
const known = parsedList([log], AT).logs.get(log.logId)!;
const one = sctList(log.sct(entry, AT, { extensions: Buffer.from([0, 0, 5, 0, 0, 0, 0, 1]) }));
const many = sctList(log.sct(entry, AT), log.sct(entry, AT, { version: 9 }), testLog().sct(entry, AT));

it('never throws, and never reads what is not there', () => {
  fc.assert(
    fc.property(mangled([one, many]), (bytes) => {
      const parsed = parseSctList(bytes);
      if (!parsed.ok) {
        expect(parsed.offset).toBeLessThanOrEqual(bytes.length);
        return;
      }
      for (const sct of parsed.value.scts) {
        expect(signedBytes(sct, entry).length).toBeGreaterThan(40);
        verifySct(sct, entry, known);
      }
    }),
    { numRuns: 3000 },
  );
});

it('an SCT verifies only as it is', () => {
  fc.assert(
    fc.property(fc.nat({ max: one.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(one);
      changed[at] = (changed[at] ?? 0) ^ flip;
      const parsed = parseSctList(changed);
      if (!parsed.ok) return;
      for (const sct of parsed.value.scts) expect(verifySct(sct, entry, known)).not.toBe('verified');
    }),
    { numRuns: 1000 },
  );
});

it('a TBSCertificate that is nearly right is rebuilt or given up, never thrown over', () => {
  const { tbs } = authority({ at: AT }).issueLeaf({ dns: ['a.test'], sctList: one });
  fc.assert(
    fc.property(mangled([tbs]), (bytes) => {
      expect(precertTbs(bytes).length).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 1500 },
  );
});
