import { describe, expect, it } from 'vitest';
import { Der } from '../../src/model/der.ts';
import { finding } from '../../src/model/finding.ts';
import { exhibitId, exhibitIdOf, exhibitOf, MAX_SIGHTINGS, mergeExhibits } from '../../src/observe/exhibit.ts';
import { parsePem } from '../../src/pki/x509/pem.ts';
import { AT_MS, CLIENT, evidenceOf, reportOf, verdictEntry } from '../support/entries.ts';
import { mismatchEntry, rogueLeaf } from '../support/unexpected.ts';

const ESC = String.fromCharCode(27);

describe('nothing is kept of', () => {
  it.each([
    ['an allowed chain', verdictEntry()],
    ['an error, which judged nothing', mismatchEntry({ verdict: 'error', code: 'dial.timeout' })],
    ['a refusal without a connection', mismatchEntry({ evidence: null })],
    ['an upstream that showed nothing', mismatchEntry({ evidence: evidenceOf({ chain: [] }) })],
  ])('%s', (_, entry) => {
    expect(exhibitIdOf(entry)).toBeNull();
    expect(exhibitOf(entry)).toBeNull();
  });
});

describe('the name', () => {
  it('is the content: chain, host and codes, and nothing else', () => {
    const id = exhibitIdOf(mismatchEntry());
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(exhibitIdOf(mismatchEntry({ eventId: 'another', atMs: AT_MS + 1, generation: 9 }))).toBe(id);
    expect(exhibitIdOf(mismatchEntry({}, rogueLeaf('b.example')))).not.toBe(id);
    expect(exhibitIdOf(mismatchEntry({ code: 'ct.no-scts' }))).not.toBe(id);
    const other = { host: 'other.example', kind: 'name', port: 443 } as const;
    expect(exhibitIdOf(mismatchEntry({ authority: other }))).not.toBe(id);
  });

  it('does not depend on the order of codes, and lists do not run into each other', () => {
    expect(exhibitId(['a'], 'h', ['x', 'y'])).toBe(exhibitId(['a'], 'h', ['y', 'x']));
    expect(exhibitId(['a', 'b'], 'h', [])).not.toBe(exhibitId(['a'], 'b', ['h']));
  });
});

describe('an exhibit', () => {
  it('holds what explains the verdict, and the chain as it came', () => {
    const exhibit = exhibitOf(mismatchEntry())!;
    const chain = parsePem(exhibit.chain);
    expect(chain.ok && chain.value.map(({ der }) => der.sha256)).toEqual(exhibit.presented);
    expect(exhibit).toMatchObject({
      id: exhibitIdOf(mismatchEntry()),
      host: 'api.bank.example',
      port: 443,
      verdict: 'block',
      code: 'pin.mismatch',
      codes: ['pin.mismatch'],
      rule: 'bank',
      address: '192.0.2.7',
      tlsVersion: 'TLSv1.3',
      nearest: null,
      count: 1,
      sightings: [{ event: 'e-1', client: CLIENT.address, group: null, at: '2026-03-01T00:00:00.000Z' }],
    });
    expect(exhibit.expected.map(({ scope, backup }) => [scope, backup])).toEqual([
      ['ca', false],
      ['ca', true],
    ]);
    expect(exhibit.path?.map(({ subject }) => subject)).toEqual([
      'CN=api.bank.example',
      'CN=Other Trusted Issuing',
      'CN=Other Trusted Root',
    ]);
    expect(exhibit.completing, 'everything but the anchor was presented').toBe('');
  });

  it('keeps what completed the path, so that a replay finds it', () => {
    const leaf = rogueLeaf();
    const evidence = evidenceOf({ chain: [Der.of(leaf.der)] });
    const exhibit = exhibitOf(mismatchEntry({ evidence }))!;
    const added = parsePem(exhibit.completing);
    expect(added.ok && added.value.map(({ subject }) => subject.text)).toEqual(['CN=Other Trusted Issuing']);
  });

  it('caps and escapes what a peer chose', () => {
    const report = reportOf({
      findings: [finding('pin.mismatch', { text: `${ESC}[31m${'x'.repeat(999)}`, list: [`${ESC}a`], count: 3 })],
    });
    const evidence = evidenceOf({ alpn: `${ESC}h2`, alpnOffered: Array.from({ length: 999 }, () => 'a') });
    const exhibit = exhibitOf(mismatchEntry({ report, evidence }))!;
    expect(JSON.stringify(exhibit)).not.toContain(ESC);
    expect(exhibit.alpnOffered.length).toBeLessThan(100);
    expect(String(exhibit.findings[0]?.facts['text']).length).toBeLessThanOrEqual(256);
    expect(exhibit.findings[0]?.facts['count']).toBe(3);
  });

  it('keeps the start of a list that is too long, and the digests of all of it', () => {
    const evidence = evidenceOf({ chain: Array.from({ length: 8 }, (_, at) => Der.of(Buffer.alloc(30_000, at))) });
    const exhibit = exhibitOf(mismatchEntry({ evidence }))!;
    expect(exhibit.presented).toHaveLength(8);
    expect(exhibit.chain.match(/BEGIN/g)).toHaveLength(3);
  });

  it('does without a report, a rule and a staple that is too large', () => {
    const evidence = evidenceOf({ staple: Der.of(Buffer.alloc(20_000)) });
    const exhibit = exhibitOf(mismatchEntry({ evidence, report: null, rule: null }))!;
    expect(exhibit).toMatchObject({ rule: null, findings: [], outcomes: {}, path: null, nearest: null, staple: null });
    expect(exhibitOf(mismatchEntry({ evidence: evidenceOf({ staple: Der.of(Buffer.from('s')) }) }))?.staple).toBe(
      'cw==',
    );
  });
});

describe('the same chain again', () => {
  it('counts, keeps the first start and the newest words', () => {
    const first = exhibitOf(mismatchEntry())!;
    const second = exhibitOf(mismatchEntry({ eventId: 'e-2', atMs: AT_MS + 60_000, generation: 8 }))!;
    const merged = mergeExhibits(first, second);
    expect(merged).toMatchObject({ count: 2, generation: 8, firstSeen: first.firstSeen, lastSeen: second.lastSeen });
    expect(merged.sightings.map(({ event }) => event)).toEqual(['e-1', 'e-2']);
    expect(mergeExhibits(second, first)).toMatchObject({ firstSeen: first.firstSeen, lastSeen: second.lastSeen });
    expect(mergeExhibits(merged, second).sightings, 'an event is listed once').toHaveLength(2);
  });

  it('lists the first event and the newest', () => {
    let all = exhibitOf(mismatchEntry({ eventId: 'e-0' }))!;
    for (let at = 1; at < 100; at += 1) all = mergeExhibits(all, exhibitOf(mismatchEntry({ eventId: `e-${at}` }))!);
    expect(all.count).toBe(100);
    expect(all.sightings).toHaveLength(MAX_SIGHTINGS);
    expect(all.sightings[0]?.event).toBe('e-0');
    expect(all.sightings.at(-1)?.event).toBe('e-99');
  });
});
