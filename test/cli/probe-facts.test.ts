import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conclude, day, daysLeft, linksOf, probedJson } from '../../src/cli/probe-facts.ts';
import type { Seen, View } from '../../src/cli/probe-look.ts';
import { openRange, type Range } from './probe-support.ts';

let range: Range;
beforeAll(async () => {
  range = await openRange('good', 'private-root', 'other-trusted-ca', 'plaintext');
});
afterAll(async () => await range.close());

const PIN = /sha256\/[A-Za-z0-9+/]{43}=/;

function seen(view: View): Seen {
  if (view.kind !== 'seen') throw new Error(view.code);
  return view;
}

describe('conclude', () => {
  it('is bad for a refusal, whatever another way showed', async () => {
    const [good, bad] = [await range.view('good'), await range.view('private-root')];
    expect(conclude('h', [bad])).toMatchObject({ word: 'bad', code: 'chain.private-root' });
    expect(conclude('h', [good, bad])).toMatchObject({ word: 'bad', code: 'chain.private-root' });
  });

  it('is bad when both ways are valid and lead to different CAs', async () => {
    const views = [await range.view('good'), await range.view('other-trusted-ca')];
    expect(conclude('h', views)).toMatchObject({ word: 'bad', code: null, comparison: { is: 'different' } });
  });

  it('is unreached when nothing was seen, and good when one way was', async () => {
    const [good, lost] = [await range.view('good'), await range.view('plaintext')];
    expect(conclude('h', [lost])).toMatchObject({ word: 'unreached', code: 'tls.protocol' });
    expect(conclude('h', [lost, good])).toMatchObject({ word: 'good', comparison: { is: 'one-sided' } });
    expect(conclude('h', [good])).toMatchObject({ word: 'good', code: null, comparison: null });
  });
});

describe('what is told of a chain', () => {
  it('holds no pin of a chain that something speaks against', async () => {
    const glass = range.glass('file');
    const bad = await range.view('private-root');
    expect(JSON.stringify(probedJson(conclude('h', [bad]), glass))).not.toMatch(PIN);
    const differing = [await range.view('good'), await range.view('other-trusted-ca')];
    expect(JSON.stringify(probedJson(conclude('h', differing), glass))).not.toMatch(PIN);
    const links = linksOf(seen(bad), glass, false);
    expect(links.map(({ from, pin }) => [from, pin])).toEqual(Array(3).fill(['presented', null]));
    expect(links[0]?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is the verified path of a good one, with the source of each certificate', async () => {
    const glass = range.glass('file');
    const links = linksOf(seen(await range.view('good')), glass, true);
    expect(links.map(({ pin }) => pin).slice(1)).toEqual([range.pki.inter.pin, range.pki.root.pin]);
    expect(links.map(({ from }) => from)).toEqual(['presented', 'presented', 'anchor (file)']);
    expect(links[0]).toMatchObject({ subject: 'CN=good.test', key: 'P-256' });
    const json = probedJson(conclude('good.test:1', [await range.view('good')]), glass);
    expect(json).toMatchObject({ result: 'good', views: [{ verdict: 'allow', presented: null, codes: [] }] });
  });

  it('says what to do about a host that was not reached', async () => {
    const json = probedJson(conclude('h', [await range.view('plaintext')]), range.glass('file'));
    expect(json).toMatchObject({ views: [{ code: 'tls.protocol', next: expect.any(String) as string }] });
  });
});

describe('days', () => {
  it('are whole, and negative when they are past', () => {
    expect(day(0)).toBe('1970-01-01');
    expect(day(Number.MAX_VALUE)).toBe('?');
    expect([daysLeft(86_400_000, 0), daysLeft(86_399_999, 0), daysLeft(-1, 0)]).toEqual([1, 0, -1]);
  });
});
