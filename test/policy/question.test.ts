import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/policy/load.ts';
import { readQuestion } from '../../src/policy/question.ts';

const loaded = loadConfig(
  'version: 1\nclients: { ci: [10.4.0.0/16], all: [10.0.0.0/8, "2001:db8::/32"] }\n',
  '/c.yaml',
);
if (!loaded.ok) throw new Error('the configuration is refused');
const config = loaded.value;

describe('is no question', () => {
  it.each(['', 'a b', 'a.example:0', 'a.example:70000', `${'a'.repeat(300)}`, '[::1'])('%j', (host) => {
    expect(readQuestion(host, [], config)).toMatchObject({ ok: false, why: expect.stringContaining('is not HOST') });
  });

  it.each([
    ['http://x/', 'x:80'],
    ['https://A.example:8443/path?q#f', 'a.example:8443'],
    ['HTTPS://user:secret@a.example', 'a.example'],
    ['https://[2001:db8::1]/', '[2001:db8::1]'],
    ['http://a.example:443/', 'a.example'],
  ])('%j, a URL, whose host is the hint', (url, host) => {
    const why = `${JSON.stringify(url)} is a URL, expected HOST[:PORT]: did you mean ${host}?`;
    expect(readQuestion(url, [], config)).toEqual({ ok: false, why });
  });

  it.each(['ftp://a.example/', 'https://', 'https:///x', 'http://a b/', 'https://a.example:0/'])(
    '%j, a URL without a host to hint at',
    (url) => {
      const why = `${JSON.stringify(url)} is a URL, expected HOST[:PORT]`;
      expect(readQuestion(url, [], config)).toEqual({ ok: false, why });
    },
  );

  it('for a group that is not there', () => {
    const answer = readQuestion('a.example', ['ci', 'nobody'], config);
    expect(answer).toEqual({ ok: false, why: 'there is no client group "nobody"; known: ci, all' });
    expect(readQuestion('a.example', ['x'], { clients: [] })).toMatchObject({
      why: expect.stringContaining('known: none'),
    });
  });
});

it.each([
  ['a.example', { host: 'a.example', kind: 'name', port: 443 }],
  ['A.Example.:8443', { host: 'a.example', kind: 'name', port: 8443 }],
  ['münchen.example', { host: 'xn--mnchen-3ya.example', kind: 'name', port: 443 }],
  ['[2001:db8::1]:8443', { host: '2001:db8::1', kind: 'ipv6', port: 8443 }],
  ['2001:db8::1', { host: '2001:db8::1', kind: 'ipv6', port: 443 }],
  ['192.0.2.1', { host: '192.0.2.1', kind: 'ipv4', port: 443 }],
])('%s', (host, authority) => {
  expect(readQuestion(host, [], config)).toEqual({ ok: true, authority, groups: [] });
});

it.each([
  [['ci'], ['ci']],
  [['10.4.1.1'], ['ci', 'all']],
  [['10.9.1.1', 'all'], ['all']],
  [
    ['2001:db8::9', 'ci'],
    ['all', 'ci'],
  ],
  [['192.0.2.1'], []],
])('clients %j are in %j', (clients, groups) => {
  expect(readQuestion('a.example', clients, config)).toMatchObject({ groups });
});
