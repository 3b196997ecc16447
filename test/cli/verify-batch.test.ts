/** `verify --batch`: every line is answered, in order, whatever is in it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runVerify } from '../../src/cli/verify.ts';
import { boundedLines } from '../../src/cli/verify-batch.ts';
import { octetString } from '../../src/pki/der/writer.ts';
import { corpora } from '../support/corpora.ts';
import { makeCrl } from '../support/crl-maker.ts';
import { extension } from '../support/extensions.ts';
import { ocspResponse } from '../support/ocsp-responder.ts';
import { authority } from '../support/test-ca.ts';
import { capturedIo } from './captured-io.ts';

const AT = '2026-06-15T12:00:00Z';
const AT_MS = Date.parse(AT);
const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['good.test'], ip: ['192.0.2.1', '2001:db8::1'] });
const text = (der: Buffer): string => der.toString('base64');

const GOOD = {
  id: 'good',
  chain: [text(leaf.der), text(inter.der)],
  host: 'good.test',
  anchors: [text(root.der)],
  at: AT,
};

async function batch(lines: readonly unknown[]): Promise<Record<string, unknown>[]> {
  const io = capturedIo('.', [
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  ]);
  expect(await runVerify(['--batch'], io)).toBe(0);
  return io
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const one = async (changes: object) => (await batch([{ ...GOOD, ...changes }]))[0]!;

describe('a bad line', () => {
  it.each<readonly [string, unknown]>([
    ['not JSON', '{'],
    ['not a JSON object', '[]'],
    ['host: expected a name or an IP address', { ...GOOD, host: 'a b' }],
    ['host: expected a name or an IP address', { ...GOOD, host: undefined }],
    ['chain: expected a list of base64', { ...GOOD, chain: undefined }],
    ['chain[0]: expected base64', { ...GOOD, chain: ['!'] }],
    ['anchors: expected a list of base64', { ...GOOD, anchors: {} }],
    ['anchorsArePublic: expected true or false', { ...GOOD, anchorsArePublic: 'yes' }],
    ['at: expected an ISO 8601 time with a zone', { ...GOOD, at: 'now' }],
    ['staple: expected base64', { ...GOOD, staple: 1 }],
    ['crls: expected a list of base64', { ...GOOD, crls: 'x' }],
    ['logList: expected a path', { ...GOOD, logList: 1 }],
    ['anchor: unknown field', { ...GOOD, anchor: [] }],
  ])('is answered with its error: %s', async (error, line) => {
    const [bad, next] = await batch([line, GOOD]);
    expect(bad).toMatchObject({ error });
    expect(next).toMatchObject({ id: 'good', verdict: 'allow' });
  });

  it.each<readonly [string, unknown]>([
    [
      'chain[0]: expected base64',
      { ...GOOD, chain: [GOOD.chain[0]?.replaceAll('+', '-').replaceAll('/', '_').slice(0, -1)] },
    ],
    ['chain[0]: expected base64', { ...GOOD, chain: [`${GOOD.chain[0]}\n`] }],
    ['chain[0]: expected base64', { ...GOOD, chain: ['AAB='] }],
    ['chain[1]: expected base64', { ...GOOD, chain: [GOOD.chain[0], null] }],
    ['host: expected a name or an IP address', { ...GOOD, host: null }],
    ['chain: expected a list of base64', { ...GOOD, chain: null }],
    ['at: expected an ISO 8601 time with a zone', { ...GOOD, at: '2026-02-30T00:00:00Z' }],
    ['at: expected an ISO 8601 time with a zone', { ...GOOD, at: '2026-06-15T12:00:00' }],
    ['at: expected an ISO 8601 time with a zone', { ...GOOD, at: AT_MS }],
    ['not JSON', `${JSON.stringify(GOOD)}\0`],
    ['not JSON', 'NaN'],
    ['not a JSON object', 'null'],
    ['__proto__: unknown field', `{"__proto__":{},${JSON.stringify(GOOD).slice(1)}`],
  ])('keeps its id where it has one: %s', async (error, line) => {
    const [bad] = await batch([line]);
    const hasId = typeof line === 'object' || error.startsWith('__proto__');
    expect(bad).toEqual({ id: hasId ? 'good' : null, error });
  });

  it.each([
    '',
    '*',
    '*.good.test',
    'good.test:443',
    'https://good.test/',
    '127.1',
    '0x7f.1',
    'fe80::1%eth0',
    '::ffff:1',
    'good..test',
    '.good.test',
    'b\u00fccher.test',
    'good.test\0',
    'a'.repeat(300),
  ])('host %j is none, or is judged as what it is', async (host) => {
    const answer = await one({ host });
    if (host === '::ffff:1') expect(answer).toMatchObject({ verdict: 'block', code: 'identity.mismatch' });
    else expect(answer).toEqual({ id: 'good', error: 'host: expected a name or an IP address' });
  });

  it('ends no run when its id is nested too deep to be printed', async () => {
    const nested = (open: string, close: string, levels: number) => `${open.repeat(levels)}1${close.repeat(levels)}`;
    const line = (id: string) => `{"id":${id},${JSON.stringify({ ...GOOD, id: undefined }).slice(1)}`;
    const error = 'id: nested deeper than 64';
    for (const id of [nested('{"0":', '}', 200_000), nested('[', ']', 200_000), nested('[{"a":', '}]', 33)]) {
      const [bad, next] = await batch([line(id), GOOD]);
      expect(bad).toEqual({ id: null, error });
      expect(next).toMatchObject({ id: 'good', verdict: 'allow' });
    }
    const deep = nested('[{"a":', '}]', 32);
    expect((await batch([line(deep)]))[0]).toMatchObject({ id: JSON.parse(deep), verdict: 'allow' });
  });

  it('names the file or the mistake in the rule', async () => {
    expect((await one({ logList: 'missing.json' }))['error']).toMatch(/^logList: .*missing\.json/);
    expect((await one({ rule: { pinns: [] } }))['error']).toMatch(/^rule: /);
  });

  it.each(['system', ['root.pem']])('names a store or a file as anchors of the rule: %j', async (anchors) => {
    for (const given of [GOOD.anchors, undefined]) {
      const [bad, next] = await batch([{ ...GOOD, anchors: given, rule: { anchors } }, GOOD]);
      expect(bad).toEqual({
        id: 'good',
        error: 'rule.anchors: a batch reads no trust store and no file; put the certificates into anchors',
      });
      expect(next).toMatchObject({ verdict: 'allow' });
    }
  });

  it('may be anything', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.string(), fc.json()), { maxLength: 5 }), async (lines) => {
        const kept = lines.map((line) => line.replaceAll('\n', ' ')).filter((line) => line.trim() !== '');
        const answers = await batch([...kept, GOOD]);
        expect(answers).toHaveLength(kept.length + 1);
        expect(answers.at(-1)).toMatchObject({ verdict: 'allow' });
      }),
      { numRuns: 10 },
    );
  });
});

describe('a good line', () => {
  it('whose rule asks for the public set is not judged by other anchors, unless they are it', async () => {
    const rule = { anchors: 'public' };
    expect(await one({ rule })).toMatchObject({ verdict: 'block', code: 'chain.incomplete' });
    expect(await one({ rule, anchorsArePublic: true })).toMatchObject({ verdict: 'allow' });
    expect(await one({ rule: {} })).toMatchObject({ verdict: 'allow' });
  });

  it.each([3, 6, 12])(
    'with a certificate of %i million characters is answered, and so is the next',
    async (millions) => {
      const huge = 'A'.repeat(millions * 1_000_000);
      const [first, next] = await batch([{ ...GOOD, chain: [huge] }, GOOD]);
      expect(first).toMatchObject({ id: 'good', verdict: 'block', code: 'chain.too-large' });
      expect(next).toMatchObject({ verdict: 'allow' });
    },
  );

  it('is answered with verdict, codes, path and outcomes', async () => {
    const answer = await one({ id: 7 });
    expect(answer).toMatchObject({ id: 7, verdict: 'allow', code: null, codes: [] });
    expect(answer['path']).toHaveLength(3);
    expect(Object.keys(answer['outcomes'] as object)).toHaveLength(11);
    expect(await one({ host: 'other.test' })).toMatchObject({
      verdict: 'block',
      code: 'identity.mismatch',
      path: expect.any(Array),
    });
    expect(await one({ chain: [] })).toMatchObject({ verdict: 'block', code: 'chain.empty', path: null });
    expect(await one({ chain: ['AAAA'] })).toMatchObject({ verdict: 'block', code: 'chain.malformed' });
  });

  it.each([7, -1.5, true, false, null, 'x', [[1, [2]]], { a: { b: null } }])('has any id: %j', async (id) => {
    expect(await one({ id })).toMatchObject({ id, verdict: 'allow' });
    expect(await one({ id, host: 1 })).toEqual({ id, error: 'host: expected a name or an IP address' });
  });

  it('may have null for what is absent', async () => {
    const absent = { at: AT, staple: null, crls: null, logList: null, rule: null, anchorsArePublic: null };
    expect(await one(absent)).toMatchObject({ verdict: 'allow' });
    expect(await one({ ...absent, anchors: null })).toMatchObject({ verdict: 'block', code: 'chain.incomplete' });
    expect(await one({ at: null })).toMatchObject({ id: 'good', verdict: expect.any(String) });
  });

  it('may end in CR LF or in nothing, and begin with a byte order mark', async () => {
    const line = JSON.stringify(GOOD);
    const answers = await batch([`\ufeff${line}\r\n\r\n  \n${line}\r`]);
    expect(answers).toMatchObject([{ verdict: 'allow' }, { verdict: 'allow' }]);
  });

  it('with anchors that do not parse is refused, unless another one anchors it', async () => {
    expect(await one({ anchors: ['AAAA'] })).toMatchObject({
      verdict: 'block',
      codes: expect.arrayContaining(['chain.incomplete', 'chain.malformed-issuer']),
      path: null,
    });
    expect(await one({ anchors: ['AAAA', text(root.der)] })).toMatchObject({ verdict: 'allow' });
  });

  it('may carry as much as a line may be long', async () => {
    const padding = extension('1.3.6.1.4.1.55555.2', false, octetString(Buffer.alloc(7_000_000)));
    const large = text(makeCrl(inter, { atMs: AT_MS, extensions: [padding] }));
    expect(large.length).toBeGreaterThan(9_000_000);
    const rule = { checks: { crl: 'require' } };
    expect(await one({ crls: [large], rule })).toMatchObject({ verdict: 'allow' });
    expect(await one({ crls: [`${large.slice(0, -4)}!!!!`], rule })).toMatchObject({
      error: 'crls[0]: expected base64',
    });
    expect(await one({ chain: Array.from({ length: 300 }, () => text(leaf.der)) })).toMatchObject({
      verdict: 'block',
      code: 'chain.too-large',
    });
  });

  it('may be for an address', async () => {
    for (const host of ['192.0.2.1', '2001:db8::1', '[2001:db8::1]']) {
      expect(await one({ host })).toMatchObject({ verdict: 'allow' });
    }
  });

  it('uses the public set without anchors, and the given one as public when it says so', async () => {
    expect(await one({ anchors: undefined })).toMatchObject({ code: 'chain.incomplete' });
    const rule = { checks: { publicRoot: 'require' } };
    expect(await one({ rule })).toMatchObject({ code: 'public-root.private' });
    expect(await one({ rule, anchorsArePublic: true })).toMatchObject({ verdict: 'allow' });
  });

  it('holds the path against the certificate policies that the rule asks for', async () => {
    const policies = ['2.23.140.1.2.2', '1.3.6.1.4.1.99999.1'];
    const issuing = root.issueCa({ cn: 'OV Issuing', policies });
    const organisation = issuing.issueLeaf({ dns: ['good.test'], policies: ['2.23.140.1.2.2'] });
    const chain = [text(organisation.der), text(issuing.der)];
    const asked = async (...certificatePolicies: string[]) => one({ chain, rule: { certificatePolicies } });
    expect(await asked('2.23.140.1.1', '1.3.6.1.4.1.99999.1')).toMatchObject({
      verdict: 'block',
      code: 'certificate-policy.missing',
      outcomes: { certificatePolicies: { is: 'fail', why: 'missing' } },
    });
    expect(await asked('2.23.140.1.1', '2.23.140.1.2.2')).toMatchObject({ verdict: 'allow' });
    expect((await one({ rule: { certificatePolicies: ['1.2.'] } }))['error']).toContain('not an object identifier');
  });

  it('judges staple and CRLs when the rule asks', async () => {
    const staple = text(ocspResponse(inter, [{ certificate: leaf, status: 'revoked' }], { atMs: AT_MS }));
    const crls = [text(makeCrl(inter, { atMs: AT_MS, revoked: [{ serial: leaf.serial }] }))];
    expect(await one({ staple, crls })).toMatchObject({ verdict: 'allow' });
    expect(await one({ staple, rule: { checks: { staple: 'if-present' } } })).toMatchObject({ code: 'staple.revoked' });
    expect(await one({ crls, rule: { checks: { crl: 'require' } } })).toMatchObject({ code: 'crl.revoked' });
    expect(await one({ crls: ['AAAA'], rule: { checks: { crl: 'require' } } })).toMatchObject({ code: 'crl.invalid' });
  });

  it('keeps the order', async () => {
    const answers = await batch(
      Array.from({ length: 50 }, (_, id) => (id % 3 === 0 ? { ...GOOD, id, host: 5 } : { ...GOOD, id })),
    );
    expect(answers.map((answer) => answer['id'])).toEqual(Array.from({ length: 50 }, (_, id) => id));
  });
});

describe('boundedLines', () => {
  const read = async (chunks: readonly (string | Buffer)[], max: number) => {
    const lines: (string | null)[] = [];
    for await (const line of boundedLines(capturedIo('.', chunks).stdin, max)) lines.push(line);
    return lines;
  };

  it('cuts at line ends only, and gives up lines that are too long', async () => {
    expect(await read(['a\nb', 'c\n', 'd'], 10)).toEqual(['a', 'bc', 'd']);
    expect(
      await read([Buffer.from('é'), Buffer.from('é\n').subarray(0, 1), Buffer.from('é\n').subarray(1)], 10),
    ).toEqual(['éé']);
    expect(await read(['12345\n', '123', '456\nok\n', '1234567'], 5)).toEqual(['12345', null, 'ok', null]);
    expect(await read([], 5)).toEqual([]);
  });
});

const bypass = corpora('pin-bypass-node-issuerwalk');
it.skipIf(bypass === null)(
  'blocks the chain that Node links to the pinned key (corpus pin-bypass-node-issuerwalk)',
  async () => {
    const { readFileSync } = await import('node:fs');
    const blocks = (name: string) =>
      [...readFileSync(`${bypass}/${name}`, 'latin1').matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END/g)].map(
        ([, body = '']) => body.replaceAll(/\s/g, ''),
      );
    const pinned = 'sha256/LTx2J9ziRu+DJbNTxttPuIxofQNtrLBLAjZeOqNgQ1c=';
    const line = {
      id: 1,
      chain: blocks('chain.pem'),
      anchors: blocks('evilroot.pem'),
      host: 'victim.test',
      at: '2026-12-01T00:00:00Z',
    };
    const [free, judged] = await batch([line, { ...line, rule: { pins: { anyOf: [{ any: pinned }] } } }]);
    expect(free).toMatchObject({ verdict: 'allow' });
    expect(judged).toMatchObject({ verdict: 'block', code: 'pin.mismatch' });
  },
);
