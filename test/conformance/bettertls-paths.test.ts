/**
 * The questions of BetterTLS's path building: graphs of CAs that certify each other, with some certificates of the graph
 * wrong in one of the ways that a validator must notice. Acceptable exactly when a path of right certificates remains.
 */
import { describe, expect, it } from 'vitest';
import { EKU } from '../support/extensions.ts';
import { authority, type Issued, type Spec } from '../support/test-ca.ts';
import { AT, type BatchCase, HOST, judgeAll } from './batch.ts';

/** `from>to`: a certificate for `to`, signed by `from`. `leaf` is the server; roots are anchors. */
interface Graph {
  readonly roots: readonly string[];
  readonly edges: readonly string[];
}

const GRAPHS: Readonly<Record<string, Graph>> = {
  linear: { roots: ['r'], edges: ['r>a', 'a>b', 'b>leaf'] },
  'two roots': { roots: ['r', 's'], edges: ['r>a', 's>a', 'a>leaf'] },
  'cross-signed root, old one trusted': { roots: ['old'], edges: ['old>new', 'new>new', 'new>a', 'a>leaf'] },
  'cross-signed root, new one trusted': { roots: ['new'], edges: ['old>new', 'old>old', 'new>a', 'a>leaf'] },
  bridge: { roots: ['r'], edges: ['r>bridge', 'bridge>r', 'p>bridge', 'bridge>p', 'p>a', 'a>leaf'] },
  'two ways of different length': { roots: ['r'], edges: ['r>a', 'r>b', 'b>c', 'c>a', 'a>leaf'] },
  mesh: { roots: ['r'], edges: ['r>a', 'r>b', 'a>b', 'b>a', 'a>c', 'b>c', 'c>leaf'] },
  'loop before the root': { roots: ['r'], edges: ['a>b', 'b>a', 'r>b', 'a>leaf'] },
  // RFC 4158 §2.3, figure 7.
  'two ways that know each other': {
    roots: ['r'],
    edges: ['c>b', 'a>b', 'c>a', 'a>c', 'r>c', 'r>a', 'b>leaf'],
  },
};

/** RFC 4158 §2.4: four hierarchies around a bridge; the leaf is in X. */
const BRIDGED = [
  'f>h f>g g>f h>i i>h g>i w>f w>g j>k l>n l>m x>j x>l b>e b>d a>b c>b a>c c>a y>a y>c r>s o>r o>q p>s z>o z>p',
  'w>bridge bridge>w x>bridge bridge>x y>bridge bridge>y z>bridge bridge>z n>leaf',
].flatMap((line) => line.split(' '));

const REASONS: Readonly<Record<string, Spec>> = {
  expired: { notAfter: '2026-06-01T00:00:00Z' },
  'name constraints': { nameConstraints: { permitted: { dns: ['other.test'] } } },
  'wrong purpose': { extendedKeyUsage: [EKU.codeSigning] },
  'no basicConstraints': { ca: null },
  'no CA': { ca: false },
  'SHA-1': { signature: 'sha1' },
  'no keyCertSign': { keyUsage: ['digitalSignature'] },
  'broken signature': { broken: 'flipped' },
};

interface Question {
  readonly one: BatchCase;
  readonly expected: 'allow' | 'block';
}

/** What was minted before: CAs by name, and right certificates by edge. */
interface Minted {
  readonly cas: Map<string, Issued>;
  readonly right: Map<string, Issued>;
}

const nothingMinted = (): Minted => ({ cas: new Map(), right: new Map() });

/** All certificates of a CA have its one key; a certificate of the graph that is wrong is wrong by `reason`. */
function questionOf(graph: Graph, wrong: ReadonlySet<string>, reason: Spec, turn: number, minted = nothingMinted()) {
  const caOf = (name: string): Issued => {
    const known = minted.cas.get(name) ?? authority({ cn: `CA ${name}`, at: AT });
    minted.cas.set(name, known);
    return known;
  };
  const certificates: Issued[] = [];
  let server: Issued | null = null;
  for (const edge of graph.edges) {
    const [from = '', to = ''] = edge.split('>');
    const known = wrong.has(edge) ? undefined : minted.right.get(edge);
    const change = wrong.has(edge) ? reason : {};
    const made =
      known ?? (to === 'leaf' ? caOf(from).issueLeaf({ dns: [HOST] }) : caOf(from).crossSign(caOf(to), change));
    if (!wrong.has(edge)) minted.right.set(edge, made);
    if (to === 'leaf') server = made;
    else certificates.push(made);
  }
  const turned = [
    ...certificates.slice(turn % certificates.length),
    ...certificates.slice(0, turn % certificates.length),
  ];
  const expected = reaches(graph, wrong) ? 'allow' : 'block';
  return { one: { chain: [server!, ...turned], anchors: graph.roots.map(caOf) }, expected } satisfies Question;
}

/** Whether right certificates lead from the leaf to a root. */
function reaches({ roots, edges }: Graph, wrong: ReadonlySet<string>): boolean {
  const right = edges.filter((edge) => !wrong.has(edge)).map((edge) => edge.split('>') as [string, string]);
  const reached = new Set(['leaf']);
  for (let size = 0; size < reached.size; ) {
    size = reached.size;
    for (const [from, to] of right) if (reached.has(to)) reached.add(from);
  }
  return roots.some((root) => reached.has(root));
}

function* questions(): Generator<readonly [string, Question]> {
  let turn = 0;
  for (const [name, graph] of Object.entries(GRAPHS)) {
    const issued = graph.edges.filter((edge) => !edge.endsWith('>leaf'));
    yield [name, questionOf(graph, new Set(), {}, 0)];
    for (const [reason, spec] of Object.entries(REASONS)) {
      for (const [index, edge] of issued.entries()) {
        for (const other of issued.slice(index)) {
          turn += 1;
          const wrong = new Set([edge, other]);
          yield [`${name}: ${reason} in ${[...wrong].join(' and ')}`, questionOf(graph, wrong, spec, turn)];
        }
      }
    }
  }
}

/** From two of the four tops, as a proof from all of them, with every certificate wrong in turn. */
function* bridged(): Generator<readonly [string, Question]> {
  const issued = BRIDGED.filter((edge) => !edge.endsWith('>leaf'));
  const minted = nothingMinted();
  const tops = process.env['PINWARDEN_PROOF'] === undefined ? ['x', 'z'] : ['x', 'z', 'w', 'y'];
  for (const [index, top] of tops.entries()) {
    const graph: Graph = { roots: [top], edges: BRIDGED };
    yield [`bridged: ${top}`, questionOf(graph, new Set(), {}, index, minted)];
    const reasons = Object.entries(REASONS);
    for (const [turn, edge] of issued.entries()) {
      const [reason, spec] = reasons[(turn + index) % reasons.length]!;
      yield [`bridged: ${top}, ${reason} in ${edge}`, questionOf(graph, new Set([edge]), spec, turn, minted)];
    }
  }
}

describe('BetterTLS: path building', () => {
  it('accepts a chain exactly when a right path is in it', async () => {
    const all = new Map([...questions(), ...bridged()]);
    const answers = await judgeAll(new Map([...all].map(([name, { one }]) => [name, one])));
    const wrong = [...all].flatMap(([name, { expected }]) => {
      const { verdict, codes } = answers.get(name)!;
      return verdict === expected ? [] : [`${name}: ${verdict} ${codes.join()}`];
    });
    expect(wrong).toEqual([]);
    expect(all.size).toBeGreaterThan(600);
    expect([...all.values()].filter(({ expected }) => expected === 'allow').length).toBeGreaterThan(300);
  });

  it('may end at an issuer whose own certificate has expired', async () => {
    const [top, issuer] = ['r', 'a'].map((cn) => authority({ cn, at: AT })) as [Issued, Issued];
    const one = { chain: [issuer.issueLeaf({ dns: ['localhost'] }), top.crossSign(issuer, REASONS['expired'])] };
    const answers = await judgeAll(new Map([['a', { ...one, anchors: [issuer], host: 'localhost' }]]));
    expect(answers.get('a')).toMatchObject({ verdict: 'allow' });
  });
});
