import { afterEach, describe, expect, it } from 'vitest';
import { runWhy } from '../../src/cli/why.ts';
import { Der } from '../../src/model/der.ts';
import { finding } from '../../src/model/finding.ts';
import { AT_MS, closeEntry, evidenceOf, reportOf, verdictEntry } from '../support/entries.ts';
import { certificateOf, mismatchEntry, rogueLeaf } from '../support/unexpected.ts';
import { BACKUP, goodEntry, type Installation, installationWith, KEY, POLICY } from './sight-support.ts';

const made: Installation[] = [];

afterEach(() => {
  for (const one of made.splice(0)) one.remove();
});

type Recorded = Parameters<typeof installationWith>[0];

async function why(recorded: Recorded, argv: readonly string[], columns = 80) {
  const one = installationWith(recorded);
  made.push(one);
  const io = one.io({ columns });
  const code = await runWhy([...argv, '-c', 'pinwarden.yaml'], io);
  return { code, out: io.stdout(), err: io.stderr() };
}

const mismatch = mismatchEntry({ eventId: 'c0ffee00-1' });
const rotated = [goodEntry(), mismatch];

describe('a wrong command line', () => {
  it.each([[[]], [['a', 'b']], [['a', '--nonsense']]])('%j', async (argv) => {
    const { code, err } = await why({}, argv);
    expect(code).toBe(2);
    expect(err).toContain('usage: pinwarden why EVENT');
  });

  it.each([['feed-0'], ['x'], ['"; rm -rf']])('an id that is not on record: %s', async (id) => {
    const { code, err, out } = await why({ verdicts: rotated }, [id]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/next: /);
  });
});

describe('a key that does not match', () => {
  it('under the CA of the last good chain: everything, and the diff', async () => {
    const { code, out } = await why({ verdicts: rotated }, ['c0ffee00']);
    expect(code).toBe(0);
    expect(out).toContain('block  api.bank.example:443\n          pin.mismatch: no key in the verified path');
    expect(out).toContain('rule      bank, generation 7\n          policy.yaml:3:5');
    expect(out).toContain('expected, any of\n  ca   sha256/AQEB');
    expect(out).toContain('observed on the verified path, leaf first');
    expect(out).toMatch(/CN=Other Trusted Issuing \[as on the last good chain\]/);
    expect(out).toContain('last good 2026-02-28T23:00:00Z');
    expect(out).toContain('a new key under the same CA (CN=Other Trusted Issuing)');
    expect(out).toContain('alike     1 event');
    expect(out).toMatch(/--- policy\.yaml\n\+\+\+ policy\.yaml\n@@ -9,2 \+9,3 @@/);
    expect(out).toMatch(/^\+ {8}- \{ ca: "sha256\/.*" \} {3}# Other Trusted Issuing$/m);
    expect(out).toContain('pinwarden probe api.bank.example   # from another network');
    expect(out).toContain('pinwarden evidence export ');
  });

  it('although the host shows the key of before: it is the rule that changed', async () => {
    const { out } = await why({ verdicts: [goodEntry({}, rogueLeaf()), mismatch] }, ['c0ffee00']);
    expect(out).toMatch(/not the host has changed, but\s+the rule/);
    expect(out).toMatch(/fix {7}put the pins of the rule back as they were, /);
    expect(out).not.toContain('changed its CA');
  });

  it('under another CA with a private root: no pin to paste', async () => {
    const { out } = await why({ verdicts: [mismatch] }, ['c0ffee00']);
    expect(out).toContain('last good none on record');
    expect(out).toContain('no pin is offered: the path ends in a root outside the public set');
    // At the start of a line: the base64 of a key may hold it.
    expect(out).not.toMatch(/^\+\+\+ /m);
  });

  it('that the rule pins by now: nothing to do', async () => {
    const pin = `sha256/${certificateOf(rogueLeaf().chain[1]!).spkiSha256}`;
    const policy = POLICY.replace('- { ca:', `- { ca: "${pin}" }\n        - { ca:`);
    const { out } = await why({ verdicts: rotated, policy }, ['c0ffee00']);
    expect(out).toContain('the rule pins a key of this path by now');
  });

  it('in a file that is edited by hand: the entry and its place', async () => {
    const policy = JSON.stringify(
      {
        version: 1,
        rules: [
          {
            name: 'bank',
            match: ['api.bank.example'],
            pins: { anyOf: [{ ca: KEY }, { ca: BACKUP, backup: true }] },
          },
        ],
      },
      null,
      1,
    );
    const { out } = await why({ verdicts: rotated, policy }, ['c0ffee00']);
    expect(out).toMatch(/in pins\.anyOf of rule\s+bank \(policy\.yaml:\d+/);
    expect(out).toMatch(/^\+ \{ ca: "sha256\//m);
  });

  it('when the rule is gone, the files are broken, or the audit file was rotated away', async () => {
    const gone = await why({ verdicts: rotated, policy: 'version: 1\nrules: []\n' }, ['c0ffee00']);
    expect(gone.out).toContain('the rule is not in the files as they are now');
    expect(gone.out).toContain('sha256/AQEB');
    const broken = await why({ verdicts: rotated, policy: 'rules: [' }, ['c0ffee00']);
    expect(broken.code).toBe(0);
    const rotatedAway = await why({ verdicts: rotated, audit: 'none' }, ['c0ffee00']);
    expect(rotatedAway.out).toContain('event     c0ffee00-1');
    expect(rotatedAway.out).toContain('client    10.4.0.9');
  });
});

it('a chain that is not valid: no pin of it is spelled out', async () => {
  const nearest = rogueLeaf().chain.map(certificateOf);
  const report = reportOf({
    path: null,
    explanatoryPath: nearest,
    findings: [
      finding('chain.private-root', { root: 'CN=Other' }),
      finding('identity.mismatch', { names: ['a', 'b'] }),
    ],
    headline: 'identity.mismatch',
  });
  const entry = mismatchEntry({ eventId: 'bad-0001', code: 'identity.mismatch', report });
  const { out } = await why({ verdicts: [goodEntry(), entry] }, ['bad-0001']);
  expect(out).toContain('no valid path to an anchor: do not pin its keys');
  expect(out).not.toContain(nearest[0]?.spkiSha256);
  expect(out).toContain('names: a');
  expect(out, 'what this host showed before').toContain('last good 2026-02-28T23:00:00Z, CN=before.example');
  expect(out).toMatch(/also wrong\n {2}chain\.private-root\n/);
  expect(out).toContain('fix       get a certificate that names the host in its SAN');
});

describe('a chain that leads nowhere', () => {
  const leaf = rogueLeaf();
  const [sent] = leaf.chain.map(certificateOf);
  const missing = 'CN=Other Trusted Issuing';
  const entry = (rule: object = {}) =>
    mismatchEntry({
      eventId: 'open-0001',
      code: 'chain.incomplete',
      evidence: evidenceOf({ chain: [Der.of(leaf.chain[0]!)] }),
      report: reportOf({
        leaf: sent ?? null,
        path: null,
        explanatoryPath: null,
        findings: [finding('chain.incomplete', { subject: 'CN=api.bank.example', missing })],
        headline: 'chain.incomplete',
      }),
      ...rule,
    });

  it('names what was presented, the issuer that is missing, and the expected keys', async () => {
    const { out } = await why({ verdicts: [entry()] }, ['open-0001']);
    expect(out).toContain('expected, any of\n  ca   sha256/AQEB');
    expect(out).toMatch(
      /observed as presented, no valid path to an anchor: do not pin its keys\n {2}0 {4}CN=api\.bank\.example\n {7}issued by CN=Other Trusted Issuing, certificate [0-9a-f]{16}…\n {2}- {4}missing: its issuer CN=Other Trusted Issuing\n/,
    );
    expect(out, 'nothing to paste').not.toContain(sent?.spkiSha256);
  });

  it('without pins: what was presented and what is missing', async () => {
    const { out } = await why({ verdicts: [entry({ rule: null })] }, ['open-0001']);
    expect(out).not.toContain('expected, any of');
    expect(out).toContain('observed as presented');
    expect(out).toContain(`missing: its issuer ${missing}`);
  });

  it('whose leaf has the key of the last good chain is said to: the upstream forgot its intermediate', async () => {
    const { out } = await why({ verdicts: [goodEntry({}, leaf), entry()] }, ['open-0001']);
    expect(out).toMatch(/CN=api\.bank\.example \[as on the last good chain\]/);
    expect((await why({ verdicts: [goodEntry(), entry()] }, ['open-0001'])).out).not.toMatch(/bank\.example \[as on/);
  });

  it('of which the locker knows nothing any more, or which the audit file does not: the names that are left', async () => {
    const bare = await why({ verdicts: [entry()], locker: 'empty' }, ['open-0001']);
    expect(bare.out).toMatch(/observed as presented[^\n]*\n {2}0 {4}CN=api\.bank\.example\n/);
    const kept = await why({ verdicts: [entry()], audit: 'none' }, ['open-0001']);
    expect(kept.out).toContain('observed as presented');
    expect(kept.out).toContain('expected, any of');
  });
});

it('a client that does not trust our CA: what helps', async () => {
  const allowed = verdictEntry({ eventId: 'c1ient-1' });
  const close = closeEntry({ eventId: 'c1ient-1', clientAlert: 'unknown_ca', reason: 'refused' });
  const { out } = await why({ verdicts: [allowed], closes: [close] }, ['c1ient-1']);
  expect(out).toMatch(/ended .*refused, the client refused our CA\s+\(unknown_ca\)/);
  expect(out).toContain('pinwarden env');
  expect(out).toContain('pinwarden ca trust');
  const left = closeEntry({ eventId: 'c1ient-1', clientAlert: 'closed', reason: 'client' });
  const guess = await why({ verdicts: [allowed], closes: [left] }, ['c1ient-1']);
  expect(guess.out).not.toContain('refused our CA');
  expect(guess.out).toMatch(/perhaps\s+it\s+does\s+not\s+trust\s+our\s+CA/);
  expect(guess.out).toMatch(/fix {7}nothing, unless requests fail there: /);
});

it('an upstream that was not reached, and one where nothing is wrong', async () => {
  const lost = verdictEntry({
    eventId: 'lost-1',
    verdict: 'error',
    code: 'dial.timeout',
    evidence: null,
    report: null,
    facts: { tried: 3 },
  });
  const { out } = await why({ verdicts: [lost] }, ['lost-1']);
  expect(out).toContain('tried: 3');
  expect(out).toContain('fix       check routes and firewalls to the upstream');
  expect((await why({ verdicts: [verdictEntry({ eventId: 'good-1' })] }, ['good-1'])).out).toContain(
    'fix       nothing is wrong',
  );
});

it('a chain that is not kept any more is told from the audit line', async () => {
  const { out } = await why({ verdicts: rotated, locker: 'empty' }, ['c0ffee00']);
  expect(out).toContain('the chain is not in the locker any more');
  expect(out).toContain('observed on the verified path, leaf first');
});

it('fits at 80 and at 140 columns, and carries no control characters', async () => {
  const hostile = mismatchEntry({
    eventId: 'hostile-1',
    evidence: evidenceOf({ alpn: '\u001b[31mh2\u202e' }),
    atMs: AT_MS,
  });
  for (const columns of [80, 140]) {
    const { out } = await why({ verdicts: [goodEntry(), hostile] }, ['hostile-1'], columns);
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const long = out.split('\n').filter((line) => line.length > columns && !/^[+ -] {8}- /.test(line));
    expect(long).toEqual([]);
  }
});

it('as JSON', async () => {
  const { out } = await why({ verdicts: rotated }, ['c0ffee00', '--json']);
  expect(JSON.parse(out)).toMatchObject({
    eventId: 'c0ffee00-1',
    at: '2026-03-01T00:00:00.000Z',
    code: 'pin.mismatch',
    rulePlace: 'policy.yaml:3:5',
    change: { is: 'same-ca' },
    alike: { count: 1, clients: { '10.4.0.9': 1 } },
    fix: { diff: expect.arrayContaining(['--- policy.yaml']) },
  });
});
