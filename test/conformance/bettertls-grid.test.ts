/**
 * BetterTLS, `nameconstraints`: its own grid of 8,748 points with what it wants, asked with certificates of our own.
 * What it calls soft may be answered either way: there it wants a name accepted that only the common name breaks.
 *
 * One point in eleven runs in the suite, all of them as a proof.
 */
import { expect, it } from 'vitest';
import { authority, type Issued, type Spec } from '../support/test-ca.ts';
import { AT, type BatchCase, judgeAll } from './batch.ts';

/** What of a kind of name or tree there is: none, the one that is asked for, another. */
type Trit = 'none' | 'valid' | 'invalid';
const TRITS: readonly Trit[] = ['none', 'valid', 'invalid'];
const KINDS = ['dns', 'ip'] as const;
type Kind = (typeof KINDS)[number];

const NAME = {
  dns: { valid: 'test.localhost', invalid: 'bad.example.com' },
  ip: { valid: '127.0.0.1', invalid: '1.1.1.1' },
} as const;
const PERMITTED = {
  dns: { valid: 'localhost', invalid: 'example.com' },
  ip: { valid: '127.0.0.0/24', invalid: '1.1.1.0/24' },
} as const;
const EXCLUDED = { dns: { valid: 'localhost', invalid: 'bad.example.com' }, ip: PERMITTED.ip } as const;

interface Point {
  readonly host: Kind;
  readonly cnKind: Kind;
  readonly cn: Trit;
  readonly san: Readonly<Record<Kind, Trit>>;
  readonly permitted: Readonly<Record<Kind, Trit>>;
  readonly excluded: Readonly<Record<Kind, Trit>>;
}

function* grid(): Generator<Point> {
  for (const host of KINDS)
    for (const cnKind of KINDS)
      for (const cn of TRITS)
        for (const sanDns of TRITS)
          for (const sanIp of TRITS)
            for (const permittedDns of TRITS)
              for (const permittedIp of TRITS)
                for (const excludedDns of TRITS)
                  for (const excludedIp of TRITS)
                    yield {
                      host,
                      cnKind,
                      cn,
                      san: { dns: sanDns, ip: sanIp },
                      permitted: { dns: permittedDns, ip: permittedIp },
                      excluded: { dns: excludedDns, ip: excludedIp },
                    };
}

/** Whether a name of this kind is outside what is permitted or inside what is excluded. */
function breaks(kind: Kind, value: Trit, { permitted, excluded }: Point): boolean {
  if (value === 'none') return false;
  return (permitted[kind] !== 'none' && permitted[kind] !== value) || excluded[kind] === value;
}

/** `soft`: accepted there, with a refusal as a warning. A name that only the common name has is no match here. */
function wanted(point: Point): 'accept' | 'soft' | 'refuse' {
  if (point.san[point.host] !== 'valid') return 'refuse';
  if (KINDS.some((kind) => breaks(kind, point.san[kind], point))) return 'refuse';
  return breaks(point.cnKind, point.cn, point) ? 'soft' : 'accept';
}

const root = authority({ cn: 'Grid Root', at: AT });
const between = root.issueCa({ cn: 'local_root' });
const { key } = root;
const issuers = new Map<string, Issued>();

function issuerOf({ permitted, excluded }: Point): Issued {
  const name = JSON.stringify([permitted, excluded]);
  const trees = (picks: Point['permitted'], words: typeof PERMITTED | typeof EXCLUDED) => {
    const dns = picks.dns === 'none' ? [] : [words.dns[picks.dns]];
    const ranges = picks.ip === 'none' ? [] : [words.ip[picks.ip]];
    return dns.length + ranges.length === 0 ? undefined : { dns, ranges };
  };
  const inside = trees(permitted, PERMITTED);
  const outside = trees(excluded, EXCLUDED);
  const nameConstraints = { ...(inside && { permitted: inside }), ...(outside && { excluded: outside }) };
  const spec: Spec = inside === undefined && outside === undefined ? {} : { nameConstraints };
  const known = issuers.get(name) ?? between.issueCa({ cn: 'local_ica', key, ...spec });
  issuers.set(name, known);
  return known;
}

function caseOf(point: Point): BatchCase {
  const { host, cnKind, cn, san } = point;
  const issuer = issuerOf(point);
  const subject: readonly (readonly [string, string])[] = [
    ['O', 'bettertls.com'],
    ...(cn === 'none' ? [] : ([['CN', NAME[cnKind][cn]]] as const)),
  ];
  const names: Spec = {
    ...(san.dns !== 'none' && { dns: [NAME.dns[san.dns]] }),
    ...(san.ip !== 'none' && { ip: [NAME.ip[san.ip]] }),
  };
  const leaf = issuer.issueLeaf({ key, subject, ...names });
  return { chain: [leaf, issuer, between, root], anchors: [root], host: NAME[host].valid };
}

it('BetterTLS: accepts every point that is to be accepted, and no other', async () => {
  const all = [...grid()];
  expect(all).toHaveLength(8_748);
  const step = process.env['PINWARDEN_PROOF'] === undefined ? 11 : 1;
  const sample = all.filter((_, index) => index % step === 3 % step);
  const named = new Map(sample.map((point) => [JSON.stringify(point), point]));
  const answers = await judgeAll(new Map([...named].map(([name, point]) => [name, caseOf(point)])));
  const counts = { accept: 0, soft: 0, refuse: 0, 'soft refused': 0 };
  const wrong = [...named].flatMap(([name, point]) => {
    const word = wanted(point);
    const isAllowed = answers.get(name)!.verdict === 'allow';
    counts[word] += 1;
    if (word === 'soft' && !isAllowed) counts['soft refused'] += 1;
    return word === 'soft' || isAllowed === (word === 'accept') ? [] : [`${answers.get(name)!.codes.join()} ${name}`];
  });
  expect(wrong).toEqual([]);
  expect(counts.accept).toBeGreaterThan(50);
  if (step === 1) console.log(JSON.stringify(counts));
}, 600_000);
