import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProbe } from '../../src/cli/probe.ts';
import { otherProxy } from '../support/connect-proxy.ts';
import { socketBaseline } from '../support/leaks.ts';
import { openRange, type Range } from './probe-support.ts';

const quiet = socketBaseline();
let range: Range;
beforeAll(async () => {
  range = await openRange('good', 'other-trusted-ca', 'private-root', 'self-signed', 'expired-leaf', 'plaintext');
});
afterAll(async () => {
  await range.close();
  await quiet();
});

const probe = async (...argv: readonly string[]) =>
  await range.place.run(runProbe, [...argv, ...range.resolve, '--anchors', range.anchorsFile]);

describe('probe', () => {
  it('refuses a wrong command line and anchors that are not there', async () => {
    expect((await range.place.run(runProbe, [])).exit).toBe(2);
    const { exit, err } = await range.place.run(runProbe, ['h', '--anchors', 'missing.pem']);
    expect(exit).toBe(1);
    expect(err).toMatch(/missing\.pem: no such file\nnext: /);
  });

  it('prints no rule of an attacked host, says why, and ends with 1', async () => {
    const { exit, out, err } = await probe(range.target('private-root'), '--yaml');
    expect({ exit, out }).toEqual({ exit: 1, out: '' });
    expect(err).toMatch(/no rule for private-root\.test:.*chain\.private-root.*\nnext: .*--anchors/);
    const some = await probe(range.target('private-root'), range.target('good'), '--yaml');
    expect(some.exit).toBe(1);
    expect(some.out).toContain(range.pki.inter.pin);
    expect(some.out).not.toContain('private-root');
  });

  it('shows a good host, and what to do next', async () => {
    const { exit, out } = await probe(range.target('good'));
    expect(exit).toBe(0);
    expect(out).toContain(range.pki.inter.pin);
    const [again = ''] = /^ {2}pinwarden probe (.+) --via PROXY$/m.exec(out)?.slice(1) ?? [];
    expect(again.startsWith(range.target('good'))).toBe(true);
    expect(out).toContain(`pinwarden probe ${again} --yaml`);
    // What it was told is told again, so that the pasted line sees the same.
    expect(again).toContain('--anchors ');
  });

  it('compares with another network', async () => {
    const [same, attacked] = [
      await otherProxy(range.servers['good']!.port),
      await otherProxy(range.servers['private-root']!.port),
    ];
    const good = await probe(range.target('good'), '--via', `127.0.0.1:${same.port}`);
    expect(good.exit).toBe(0);
    expect(good.out).toContain('both ways lead to the same CA');
    expect(good.out).toMatch(/next: a ready rule: .*--yaml.* config\/policies\/\n +and then: pinwarden check\n/);
    const yaml = await probe(range.target('good'), '--via', `127.0.0.1:${same.port}`, '--yaml');
    expect(yaml.out).toContain('# Seen in two ways');
    const bad = await probe(range.target('good'), '--via', `127.0.0.1:${attacked.port}`);
    expect(bad.exit).toBe(1);
    expect(bad.out).toContain('different chains');
    await same.close();
    await attacked.close();
  });

  it('gives many hosts a line each, in the order of the list, and a total', async () => {
    const names = ['plaintext', 'good', 'self-signed', 'expired-leaf', 'private-root', 'other-trusted-ca'] as const;
    writeFileSync(range.place.path('hosts.txt'), names.map((name) => `${range.target(name)}\n`).join(''));
    const { exit, out, err } = await probe('-f', 'hosts.txt');
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => line.split(/\s+/)[0])).toEqual(['unreached', 'good', 'bad', 'bad', 'bad', 'good', '6']);
    expect(names.every((name, index) => lines[index]?.includes(range.target(name)))).toBe(true);
    expect({ exit, err }).toEqual({ exit: 1, err: '' });
  });

  it('prints a line of JSON for each, bare of progress', async () => {
    const { exit, out } = await probe(range.target('good'), range.target('plaintext'), '--json');
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { result: string });
    expect(lines.map(({ result }) => result)).toEqual(['good', 'unreached']);
    expect(exit).toBe(1);
  });

  it('draws its progress on a terminal only', async () => {
    let drawn = '';
    const argv = [range.target('good'), range.target('plaintext'), ...range.resolve, '--json'];
    await range.place.run(runProbe, argv, {
      isErrTty: true,
      err: (text) => {
        drawn += text;
      },
    });
    expect(drawn).toContain('2/2');
    expect(drawn.endsWith('\r\u001b[K')).toBe(true);
  });
});

describe('probe -c FILE says what the proxy would say', () => {
  it('and repeats it in what is to be pasted', async () => {
    policyFor([{ ...rule, allowPrivate: ['127.0.0.0/8'] }]);
    const way = await otherProxy(range.servers['good']!.port);
    const { out } = await told('--via', `127.0.0.1:${way.port}`, '--anchors', 'roots.pem');
    await way.close();
    expect(out).toMatch(/ -c told\.yaml --yaml > .* \.\/\n +and then: pinwarden check -c told\.yaml\n/);
  });

  const policyFor = (rules: readonly object[], more: object = {}) => {
    const config = { version: 1, anchors: ['roots.pem'], policies: ['rules.yaml'], ...more };
    writeFileSync(range.place.path('told.yaml'), JSON.stringify(config));
    writeFileSync(range.place.path('rules.yaml'), JSON.stringify({ version: 1, rules }));
  };
  const told = async (...argv: readonly string[]) =>
    await range.place.run(runProbe, [range.target('good'), ...range.resolve, '-c', 'told.yaml', ...argv]);
  const rule = { name: 'ours', match: ['*.test'], onFailure: 'block', checks: { ct: 'off' } };

  it('by the anchors of the configuration and the rule that decides', async () => {
    policyFor([rule]);
    const { exit, out } = await told();
    expect(out).toContain('  rule      ours: onFailure block\n');
    expect(out).toContain(range.pki.inter.pin);
    expect(exit).toBe(0);
  });

  it('and why it would not get so far', async () => {
    policyFor([rule]);
    const port = Number(range.target('good').split(':').at(-1));
    const shut = await told();
    const said = shut.out.replaceAll(/\s+/g, ' ');
    expect(said).toContain('refused the proxy would refuse: port.denied, the port is not among');
    expect(said).toContain('add the port to egress.ports');
    expect(said).toContain('the proxy would refuse: address.denied, ');
    expect(JSON.parse((await told('--json')).out).views).toMatchObject([
      { refused: ['port.denied', 'address.denied'] },
    ]);
    policyFor([{ ...rule, allowPrivate: ['127.0.0.0/8'] }], { egress: { ports: [port] } });
    expect((await told()).out).not.toContain('refuse');
    policyFor([{ ...rule, match: [range.target('good')], allowPrivate: ['127.0.0.0/8'] }]);
    expect(JSON.parse((await told('--json')).out).views).toMatchObject([{ refused: [] }]);
    // A port that the pattern of another host names opens none here.
    const other = { name: 'other', match: [`other.test:${port}`] };
    policyFor([{ ...rule, allowPrivate: ['127.0.0.0/8'] }, other]);
    expect(JSON.parse((await told('--json')).out).views).toMatchObject([{ refused: ['port.denied'] }]);
    const past = { name: 'past', match: ['*.test'], mode: 'bypass', reason: 'x', allowPrivate: ['127.0.0.0/8'] };
    policyFor([past], { egress: { ports: [port] } });
    expect(JSON.parse((await told('--json')).out).views).toMatchObject([{ refused: [] }]);
  });

  it('with the pins of that rule', async () => {
    const key = (byte: number) => `sha256/${Buffer.alloc(32, byte).toString('base64')}`;
    policyFor([{ ...rule, pins: { anyOf: [{ ca: key(1) }, { ca: key(2), backup: true }] } }]);
    const { exit, out } = await told();
    expect(out).toContain('bad  pin.mismatch');
    expect(exit).toBe(1);
    expect(JSON.parse((await told('--json')).out)).toMatchObject({
      code: 'pin.mismatch',
      views: [{ rule: 'ours: onFailure block', verdict: 'block' }],
    });
  });

  it('by the rule for other hosts, by none, and under bypass by its own', async () => {
    policyFor([{ ...rule, match: ['other.example'] }], { unmatched: { checks: { ct: 'off' } } });
    expect((await told()).out).toContain('  rule      unmatched: onFailure block\n');
    policyFor([{ ...rule, match: ['other.example'] }], { unmatched: { action: 'deny' } });
    expect(await told()).toMatchObject({ exit: 1, out: expect.stringContaining('host.denied') });
    policyFor([{ name: 'past', match: ['*.test'], mode: 'bypass', reason: 'x' }]);
    expect((await told()).out).toContain('past: bypass, the proxy passes it on unjudged');
  });

  it('unless anchors are named, or a rule is asked for; invalid policies are said', async () => {
    policyFor([rule]);
    expect(await told('--anchors', 'public')).toMatchObject({ exit: 1 });
    const { exit, out } = await told('--yaml');
    expect({ exit, anchors: /anchors: .*roots\.pem/.test(out) }).toEqual({ exit: 0, anchors: true });
    policyFor([{ ...rule, onFailure: 'alrt' }]);
    expect((await told()).err).toMatch(/the policies are invalid\nnext: pinwarden check -c told\.yaml\n$/);
  });
});
