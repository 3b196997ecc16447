/** `verify` over files: usage first, then what it says of good and bad chains. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runVerify } from '../../src/cli/verify.ts';
import { corpora } from '../support/corpora.ts';
import { makeCrl } from '../support/crl-maker.ts';
import { ocspResponse } from '../support/ocsp-responder.ts';
import { authority, forgeIssuer } from '../support/test-ca.ts';
import { capturedIo } from './captured-io.ts';

const AT = '2026-06-15T12:00:00Z';
const AT_MS = Date.parse(AT);
const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['good.test'] });
const stranger = authority({ cn: 'Stranger', at: AT });
const other = authority({ cn: 'Other', at: AT });

const folder = mkdtempSync(join(tmpdir(), 'pinwarden-verify-'));
const write = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content);
write('chain.pem', leaf.chainPem);
write('root.pem', root.pem);
write('forged.pem', leaf.chainPem + forgeIssuer(root, stranger.spki).pem);
write('good.staple', ocspResponse(inter, [{ certificate: leaf }], { atMs: AT_MS }));
write('revoked.staple', ocspResponse(inter, [{ certificate: leaf, status: 'revoked' }], { atMs: AT_MS }));
write('clean.crl', makeCrl(inter, { atMs: AT_MS }));
write('revoked.crl', makeCrl(inter, { atMs: AT_MS, revoked: [{ serial: leaf.serial }] }));
write('junk.crl', 'junk');
write('pinned.yaml', `pins: { anyOf: [{ ca: "${stranger.pin}" }] }\n`);
write('alert.yaml', `onFailure: alert\npins: { anyOf: [{ ca: "${stranger.pin}" }] }\n`);
write('wrong.yaml', 'pinns: {}\n');
write('broken-policy.yaml', 'version: 1\nrules: [{ name: a, match: [good.test], foo: 1 }]\n');
write(
  'policy.yaml',
  `version: 1
pinGroups: { strangers: { pins: [{ key: "${stranger.pin}" }, { key: "${other.pin}" }] } }
defaults: { onFailure: alert }
rules:
  - { name: wide, match: ["**.test"] }
  - { name: exact, match: [good.test], pins: { anyOf: [{ ca: strangers }] } }
`,
);
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: readonly string[]) {
  const io = capturedIo(folder);
  return { exit: await runVerify(argv, io), out: io.stdout(), err: io.stderr() };
}

const GOOD = ['--host', 'good.test', '--chain', 'chain.pem', '--anchors', 'root.pem', '--at', AT];

describe('usage', () => {
  it.each<readonly string[]>([
    [],
    ['--host', 'good.test'],
    ['--chain', 'chain.pem'],
    ['--wrong'],
    ['--batch', '--host', 'good.test'],
    [...GOOD, '--at', 'yesterday'],
    [...GOOD, '--at', '2026-06-15T12:00:00'],
    [...GOOD, '--host', 'bad host'],
  ])('is answered with 2: %j', async (...argv) => {
    const { exit, out, err } = await run(...argv);
    expect({ exit, out }).toEqual({ exit: 2, out: '' });
    expect(err).toMatch(/^pinwarden verify: /);
  });
});

describe('what cannot be read or used', () => {
  it.each<readonly string[]>([
    ['--chain', 'missing.pem'],
    ['--chain', '.'],
    ['--chain', 'chain.pem/below'],
    ['--chain', 'pinned.yaml', '--anchors', 'pinned.yaml'],
    ['--anchors', 'missing.pem'],
    ['--staple', 'missing.staple'],
    ['--crl', 'missing.crl'],
    ['--rule', 'missing.yaml'],
    ['--rule', 'wrong.yaml'],
    ['--rule', 'broken-policy.yaml'],
    ['--log-list', 'junk.crl'],
  ])('is no verdict, and answered with 1: %j', async (...argv) => {
    const { exit, out, err } = await run(...GOOD, ...argv);
    expect({ exit, out }).toEqual({ exit: 1, out: '' });
    expect(err).toMatch(/^pinwarden verify: .*\nnext: /s);
  });
});

describe('a chain', () => {
  it('that fails exits with 1 and says why and what next', async () => {
    const { exit, out } = await run(...GOOD, '--host', 'other.test');
    expect(exit).toBe(1);
    expect(out).toContain('identity.mismatch: the certificate is not for this host');
    expect(out).toMatch(/^verdict {3}block {2}identity\.mismatch\nnext {6}get a certificate/m);
  });

  it('to a root that is not public is blocked without --anchors', async () => {
    const { exit, out } = await run('--host', 'good.test', '--chain', 'chain.pem', '--at', AT);
    expect(exit).toBe(1);
    expect(out).toContain('chain.incomplete');
  });

  it('that passes exits with 0 and shows path and checks', async () => {
    const { exit, out } = await run(...GOOD);
    expect(exit).toBe(0);
    for (const text of ['CN=good.test', 'CN=Inter', 'CN=Root', leaf.pin, 'verdict   allow'])
      expect(out).toContain(text);
  });

  it('with a forged issuer does not match the pin of the forgery', async () => {
    const { exit, out } = await run(...GOOD, '--chain', 'forged.pem', '--rule', 'pinned.yaml');
    expect(exit).toBe(1);
    expect(out).toContain('block  pin.mismatch');
  });

  it('is judged by the rule of a policy file that is for the host, with its groups and defaults', async () => {
    const { exit, out } = await run(...GOOD, '--rule', 'policy.yaml');
    expect(exit).toBe(0);
    expect(out).toContain('verdict   alert  pin.mismatch');
    expect(out).toContain('rule      exact\n          policy.yaml:6:5, good.test: exact host good.test\n');
    const none = await run(...GOOD, '--host', 'test', '--rule', 'policy.yaml');
    expect({ exit: none.exit, out: none.out }).toEqual({ exit: 1, out: '' });
    expect(none.err).toContain('  wide: **.test\n  exact: good.test\nnext: ');
  });

  it('that only alerts exits with 0', async () => {
    const { exit, out } = await run(...GOOD, '--rule', 'alert.yaml');
    expect(exit).toBe(0);
    expect(out).toContain('verdict   alert  pin.mismatch');
  });

  it('is judged with the staple and CRLs that were given', async () => {
    const code = async (...argv: readonly string[]) => JSON.parse((await run(...GOOD, '--json', ...argv)).out).code;
    expect(await code('--staple', 'revoked.staple')).toBe('staple.revoked');
    expect(await code('--staple', 'good.staple')).toBeNull();
    expect(await code('--crl', 'revoked.crl', '--crl', 'clean.crl')).toBe('crl.revoked');
    expect(await code('--crl', 'clean.crl')).toBeNull();
    expect(await code('--crl', 'junk.crl')).toBe('crl.invalid');
  });

  it('names a mistake in the rule with its place', async () => {
    const { err } = await run(...GOOD, '--rule', 'wrong.yaml');
    expect(err).toContain('wrong.yaml:1:1');
  });
});

const bypass = corpora('pin-bypass-node-issuerwalk');
describe.skipIf(bypass === null)(
  'the chain that Node links to the pinned key (corpus pin-bypass-node-issuerwalk)',
  () => {
    it('is valid and does not match the pin', async () => {
      const chain = ['--host', 'victim.test', '--chain', join(bypass ?? '', 'chain.pem')];
      const anchors = ['--anchors', join(bypass ?? '', 'evilroot.pem'), '--at', '2026-12-01'];
      write('victim.yaml', 'pins: { anyOf: [{ any: "sha256/LTx2J9ziRu+DJbNTxttPuIxofQNtrLBLAjZeOqNgQ1c=" }] }\n');
      expect((await run(...chain, ...anchors)).exit).toBe(0);
      const pinned = await run(...chain, ...anchors, '--rule', 'victim.yaml', '--json');
      expect(pinned.exit).toBe(1);
      expect(JSON.parse(pinned.out)).toMatchObject({
        verdict: 'block',
        code: 'pin.mismatch',
        outcomes: { chain: { is: 'pass' } },
      });
    });
  },
);
