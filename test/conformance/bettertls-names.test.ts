/**
 * The grid of BetterTLS's name constraints, asked with certificates of our own: what the subject says × what the
 * subjectAltName says × what the CA permits and excludes × which host is asked for. The expected answer is computed here
 * from the standards, in the plainest way, and not by the code under test.
 *
 * One point in thirteen runs in the suite, all of them as a proof.
 */
import { describe, expect, it } from 'vitest';
import type { ConstraintsSpec, NamesSpec } from '../support/extensions.ts';
import { authority, type Issued, type Spec } from '../support/test-ca.ts';
import { AT, type BatchCase, judgeAll } from './batch.ts';

const GOOD = 'good.names.test';
const BAD = 'bad.names.test';
const GOOD_IP = '192.0.2.10';
const BAD_IP = '198.51.100.10';

type Pick = 'none' | 'good' | 'bad' | 'both';
const PICKS: readonly Pick[] = ['none', 'good', 'bad', 'both'];
const COMMON_NAMES = [null, 'A Server', GOOD, BAD, GOOD_IP, BAD_IP] as const;
/** Neither asked for nor presented by any host: names of forms that TLS does not use. */
const EXTRAS: readonly NamesSpec[] = [{}, { email: ['x@good.names.test'] }, { uri: ['https://bad.names.test/'] }];

interface Trees {
  readonly dns: Pick;
  readonly ip: Pick;
  readonly email: boolean;
  readonly uri: boolean;
}

interface Point {
  readonly cn: string | null;
  readonly san: Pick;
  readonly ip: Pick;
  readonly extra: NamesSpec;
  readonly permitted: Trees;
  readonly excluded: Trees;
  readonly host: string;
}

const NO_TREES: Trees = { dns: 'none', ip: 'none', email: false, uri: false };
const TREES: readonly Trees[] = [
  NO_TREES,
  { ...NO_TREES, dns: 'good' },
  { ...NO_TREES, dns: 'bad' },
  { ...NO_TREES, ip: 'good' },
  { ...NO_TREES, ip: 'bad' },
  { ...NO_TREES, dns: 'good', ip: 'good' },
  { ...NO_TREES, email: true },
  { ...NO_TREES, uri: true },
];

function* grid(): Generator<Point> {
  for (const cn of COMMON_NAMES)
    for (const san of PICKS)
      for (const ip of PICKS)
        for (const extra of EXTRAS)
          for (const permitted of TREES)
            for (const excluded of TREES)
              for (const host of [GOOD, GOOD_IP]) yield { cn, san, ip, extra, permitted, excluded, host };
}

function chosen(pick: Pick, good: string, bad: string): readonly string[] {
  return [...(pick === 'good' || pick === 'both' ? [good] : []), ...(pick === 'bad' || pick === 'both' ? [bad] : [])];
}

/** Written without looking at the validator: sets of exact names instead of trees. */
function isAcceptable({ cn, san, ip, extra, permitted, excluded, host }: Point): boolean {
  const names = chosen(san, GOOD, BAD);
  const addresses = chosen(ip, GOOD_IP, BAD_IP);
  if (![...names, ...addresses].includes(host)) return false;
  // What looks like a host in the subject counts when there is no dNSName; an address is no host.
  const hosts = names.length === 0 && cn !== null && [GOOD, BAD].includes(cn) ? [cn] : names;
  const bound = (values: readonly string[], inside: readonly string[], outside: readonly string[]): boolean =>
    values.every((value) => !outside.includes(value) && (inside.length === 0 || inside.includes(value)));
  if (!bound(hosts, chosen(permitted.dns, GOOD, BAD), chosen(excluded.dns, GOOD, BAD))) return false;
  if (!bound(addresses, chosen(permitted.ip, GOOD_IP, BAD_IP), chosen(excluded.ip, GOOD_IP, BAD_IP))) return false;
  if (extra.email !== undefined && excluded.email) return false;
  // The permitted tree of URIs is the good host, and so is the excluded one; the URI has the bad host.
  return !(extra.uri !== undefined && permitted.uri);
}

function constraintsOf(point: Point): ConstraintsSpec {
  const list = (trees: Trees) => {
    if (Object.values(trees).every((value) => value === 'none' || value === false)) return undefined;
    return {
      dns: chosen(trees.dns, GOOD, BAD),
      ranges: chosen(trees.ip, `${GOOD_IP}/32`, `${BAD_IP}/32`),
      ...(trees.email ? { email: [GOOD] } : {}),
      ...(trees.uri ? { uri: [GOOD] } : {}),
    };
  };
  const permitted = list(point.permitted);
  const excluded = list(point.excluded);
  return { ...(permitted && { permitted }), ...(excluded && { excluded }) };
}

const root = authority({ cn: 'Names Root', at: AT });
const { key } = root;
const issuers = new Map<string, Issued>();

function caseOf(point: Point): BatchCase {
  const spec = constraintsOf(point);
  const name = JSON.stringify(spec);
  const issuer =
    issuers.get(name) ?? root.issueCa({ key, cn: 'Names', ...(name === '{}' ? {} : { nameConstraints: spec }) });
  issuers.set(name, issuer);
  const dns = chosen(point.san, GOOD, BAD);
  const ip = chosen(point.ip, GOOD_IP, BAD_IP);
  const names: Spec = { ...(dns.length > 0 && { dns }), ...(ip.length > 0 && { ip }), ...point.extra };
  const subject: Spec = point.cn === null ? { subject: [['O', 'Names']] } : { cn: point.cn };
  return { chain: [issuer.issueLeaf({ key, ...subject, ...names }), issuer], anchors: [root], host: point.host };
}

async function disagreements(points: readonly Point[]): Promise<readonly string[]> {
  const named = new Map(points.map((point) => [JSON.stringify(point), point]));
  const answers = await judgeAll(new Map([...named].map(([name, point]) => [name, caseOf(point)])));
  return [...named].flatMap(([name, point]) => {
    const answer = answers.get(name)!;
    return (answer.verdict === 'allow') === isAcceptable(point)
      ? []
      : [`${answer.verdict} ${answer.codes.join()} ${name}`];
  });
}

describe('BetterTLS: name constraints', () => {
  const all = [...grid()];
  const whole = process.env['PINWARDEN_PROOF'] !== undefined;

  it('has as many points as the suite it follows', () => {
    expect(all.length).toBeGreaterThan(8_750);
  });

  it('accepts what the standards accept, and nothing else', async () => {
    const step = whole ? 1 : 13;
    const sample = all.filter((_, index) => index % step === 5 % step);
    expect(await disagreements(sample)).toEqual([]);
    expect(sample.some(isAcceptable)).toBe(true);
  }, 600_000);
});
