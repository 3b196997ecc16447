import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readInstallationOrDefaults } from '../../src/cli/installation.ts';
import { createGlass } from '../../src/cli/probe-look.ts';
import { CommandError } from '../../src/cli/usage.ts';
import { otherProxy } from '../support/connect-proxy.ts';
import { socketBaseline } from '../support/leaks.ts';
import { capturedIo } from './captured-io.ts';
import { openRange, type Range } from './probe-support.ts';

const quiet = socketBaseline();
let range: Range;
beforeAll(async () => {
  range = await openRange('good', 'private-root', 'wrong-host', 'plaintext', 'client-cert-required');
});
afterAll(async () => {
  await range.close();
  await quiet();
});

describe('createGlass', () => {
  it('refuses anchors that are missing or empty', () => {
    const config = readInstallationOrDefaults(undefined, capturedIo(range.place.dir));
    for (const file of ['missing.pem', 'roots.pem/x']) {
      const anchors = { files: [range.place.path(file)] };
      expect(() => createGlass(config, { anchors, addresses: new Map() })).toThrow(CommandError);
    }
  });
});

describe('look', () => {
  it.each([
    ['private-root', 'chain.private-root'],
    ['wrong-host', 'identity.mismatch'],
  ] as const)('judges %s as the proxy would: %s', async (name, code) => {
    const view = await range.view(name);
    expect(view).toMatchObject({ kind: 'seen', verdict: { verdict: 'block', code } });
  });

  it.each([
    ['plaintext', 'tls.protocol'],
    ['client-cert-required', 'tls.client-certificate-required'],
  ] as const)('says why nothing was seen of %s: %s', async (name, code) => {
    expect(await range.view(name)).toMatchObject({ kind: 'unreached', code });
  });

  it('does not take a host of a private root for a public one', async () => {
    expect(await range.view('good', 'public')).toMatchObject({ verdict: { verdict: 'block' } });
  });

  it('sees a good host on a private address, and sends it nothing', async () => {
    const view = await range.view('good');
    expect(view).toMatchObject({ kind: 'seen', via: null, verdict: { verdict: 'allow', code: null } });
    expect(range.servers['good']?.applicationBytes()).toBe(0);
  });

  it('sees it through another proxy as well', async () => {
    const proxy = await otherProxy(range.servers['good']!.port);
    const via = { host: '127.0.0.1', kind: 'ipv4', port: proxy.port } as const;
    expect(await range.view('good', 'file', via)).toMatchObject({ kind: 'seen', via, verdict: { verdict: 'allow' } });
    expect(proxy.asked).toEqual([`CONNECT ${range.target('good')} HTTP/1.1`]);
    await proxy.close();
  });
});
