import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/policy/load.ts';
import { configOf, errorsOf, unwrap } from '../support/policies.ts';

const errors = (body: string) => errorsOf(loadConfig(`version: 1\n${body}`, '/etc/pw/pinwarden.yaml'));

describe('pinwarden.yaml: refused', () => {
  it('a version in quotes, with what to do', () => {
    const loaded = loadConfig('version: "1"\n', '/c.yaml');
    expect(loaded.ok || loaded.mistakes).toMatchObject([
      { message: '`version` is the text `1`, expected the number', hint: 'write it without quotes' },
    ]);
  });

  it.each([
    ['listen: [{ address: localhost, port: 1 }]', ['2:21 `localhost` is not an IP address']],
    ['listen: [{ address: "[::1]", port: 1 }]', ['2:21 `[::1]` is not an IP address']],
    ['listen: [{ address: 127.0.0.1, port: 65536 }]', ['2:38 `port` is out of range: at most 65535']],
    ['listen: [{ address: 127.0.0.1, port: 1, kind: transparent }]', ['2:41 unknown key `kind`']],
    [
      'listen: [{ address: 127.0.0.1, port: 1 }, { address: 127.0.0.1, port: 1 }]',
      ['2:71 port 1 of `127.0.0.1` is taken by `listen` already'],
    ],
    [
      'listen: [{ address: "::", port: 1 }]\nmetrics: { address: 127.0.0.1, port: 1 }',
      ['3:38 port 1 of `127.0.0.1` is taken by `listen` already'],
    ],
    ['listen: [{ address: 0.0.0.0, port: 9464 }]', ['2:36 port 9464 of `127.0.0.1` is taken by `listen` already']],
    [
      'listen: [{ address: "::1", port: 1 }]\nadmin: { address: "0:0:0:0:0:0:0:1", port: 1, tokenFile: t }',
      ['3:44 port 1 of `0:0:0:0:0:0:0:1` is taken by `listen` already'],
    ],
    ['state: "a\\0b"', ['2:8 the text has a NUL character']],
    ['listen: []', ['2:9 `listen` is out of range: at least 1 entries']],
    ['metrics: on', ['2:10 expected `off` or a map with address and port']],
    ['metrics: { address: 127.0.0.1 }', ['2:10 `port` is missing']],
    ['egress: { via: { default: x } }', ['2:11 unknown key `via`']],
    ['egress: { ports: [0] }', ['2:19 an entry of `ports` is out of range: at least 1']],
    [
      'egress: { hosts: { "*.a.example": [10.0.0.1], a.example: [b.example] } }',
      ['2:20 `*.a.example` is not a host', '2:59 `b.example` is not an IP address'],
    ],
    ['egress: { hosts: { a.example: [10.0.0.1], A.example: [10.0.0.2] } }', ['2:43 `A.example` is listed twice']],
    [
      'egress: { dns: { servers: [10.0.0.1:0, dns.example, "10.0.0.1:65536"] } }',
      [
        '2:28 `10.0.0.1:0` is not a resolver',
        '2:40 `dns.example` is not a resolver',
        '2:53 `10.0.0.1:65536` is not a resolver',
      ],
    ],
    ['clients: { ci: [10.0.0.1/8] }', ['2:17 `10.0.0.1/8` is not an address range']],
    ['clients: { ci: ["spiffe://corp/ci"] }', ['2:17 client identities are not built yet']],
    ['clients: { "c i": [10.0.0.0/8] }', ['2:12 a name is 1 to 64 of a-z, 0-9 and -']],
    ['unmatched: { action: deny, mode: terminate }', ['2:28 `mode` means nothing beside `action: deny`']],
    ['unmatched: { mode: bypass }', ['2:12 `mode: bypass` without a reason']],
    ['unmatched: { pins: {} }', ['2:14 unknown key `pins`']],
    ['policies: [{ path: a }]', ['2:12 `owner` is missing']],
    ['policies: [{ path: a, ownr: b }]', ['2:23 unknown key `ownr`']],
    [
      'policies: [{ path: a, owner: b, mayMatch: ["*"], mayNot: [by-pass] }]',
      ['2:44 `*` would match every host', '2:59 an entry of `mayNot` is `by-pass`, expected `bypass` or `unsafe`'],
    ],
    ['policies: [{ path: a, owner: b, mayMatch: ["*"] }]', ['2:44 `*` would match every host']],
    ['policies: [{ path: a, owner: b, mayMatch: [] }]', ['2:33 `mayMatch: []` leaves the owner nothing to match']],
    ['policies: [1]', ['2:12 expected a path, or a map with path and owner']],
    ['listen: [{ adress: 0.0.0.0, port: 9464 }]', ['2:12 unknown key `adress`']],
    [
      'listen: [{ adress: 0.0.0.0, port: 1 }, { address: x, port: 2 }]',
      ['2:12 unknown key `adress`', '2:51 `x` is not an IP address'],
    ],
    ['metrics: { address: 127.0.0.1, port: 3128 }\nlisten: x', ['3:9 `listen` is `x`, expected a list']],
    ['ct: { loglist: l.json, signatureKeyFile: k.pem }', ['2:7 unknown key `loglist`']],
    ['ct: { logList: l.json, sigatureKeyFile: k.pem, signatureFile: s }', ['2:24 unknown key `sigatureKeyFile`']],
    ['ca: { certificatFile: a.pem, next: { certificateFile: ca.pem } }', ['2:7 unknown key `certificatFile`']],
    ['unmatched: { mode: bypass, raeson: r }', ['2:28 unknown key `raeson`']],
    ['limits: { conections: 1 }', ['2:11 unknown key `conections`']],
    ['anchors: everything', ['2:10 expected `public`, `system` or a list of PEM files']],
    [
      'admin: { address: 127.0.0.1 }',
      ['2:8 expected a map with `unix`, or one with `address`, `port` and `tokenFile`'],
    ],
    ['admin: { address: here, port: 1, tokenFile: t }', ['2:19 `here` is not an IP address']],
    ['workers: 1.5', ['2:10 number `1.5` is not written as a plain decimal integer']],
    ['ct: { signatureKeyFile: a.pem }', ['2:1 a signature without a log list']],
    ['ct: { logList: l.json, signatureFile: a.sig }', ['2:24 a signature without a key']],
    ['ct: { profile: safari }', ['2:16 expected `chrome`, `apple` or a map with minScts and minOperators']],
    ['crl: { fetch: always }', ['2:15 `fetch` is `always`, expected `off` or `background`']],
    ['fetch: { allowPrivate: [10.0.0.1/8] }', ['2:25 `10.0.0.1/8` is not an address range']],
    ['ca: { next: { signsFrom: tomorrow } }', ['2:26 `tomorrow` is not a date']],
    ['ca: { next: { signsFrom: 2027-06-01T12:00:00+02:00 } }', ['2:26 `2027-06-01T12:00:00+02:00` is not a date']],
    ['ca: { next: { keyFile: ./ca-key.pem } }', ['2:24 `keyFile` of the next CA is that of the current one']],
    ['ca: { next: { create: never } }', ['2:15 unknown key `create`']],
    ['state:', ['2:7 `state` is empty, expected a text']],
  ])('%s', (body, expected) => expect(errors(body).toSorted()).toEqual(expected.toSorted()));

  it('the admin interface on an address has the file of its token', () => {
    expect(configOf('admin: { address: 127.0.0.1, port: 9465, tokenFile: token }\n').admin).toEqual({
      address: '127.0.0.1',
      port: 9465,
      tokenFile: '/etc/pw/token',
    });
  });

  it('says every mistake at once', () => {
    expect(errors('anchor: public\nclients: { a: [x] }\nlisten: [{ address: x, port: 1 }]')).toEqual([
      '2:1 unknown key `anchor`',
      '3:16 `x` is not an address range',
      '4:21 `x` is not an IP address',
    ]);
  });
});

describe('pinwarden.yaml: compiled', () => {
  it('has safe defaults', () => {
    const config = configOf();
    expect(config).toMatchObject({
      file: '/etc/pw/pinwarden.yaml',
      listen: [{ address: '127.0.0.1', port: 3128 }],
      metrics: { address: '127.0.0.1', port: 9464 },
      admin: null,
      state: '/etc/pw/state',
      ca: {
        certificateFile: '/etc/pw/ca.pem',
        keyFile: '/etc/pw/ca-key.pem',
        chainFile: null,
        create: 'ifMissing',
        next: {
          certificateFile: '/etc/pw/next-ca.pem',
          keyFile: '/etc/pw/next-ca-key.pem',
          chainFile: null,
          signsFromMs: null,
        },
        previousCertificateFile: '/etc/pw/previous-ca.pem',
      },
      anchors: 'public',
      egress: { ports: [443, 80], dns: { servers: [], timeoutMs: 5000 } },
      unmatched: {
        action: 'judge',
        rule: { name: 'unmatched', mode: 'terminate', onFailure: 'block', anchors: 'public' },
      },
      audit: { file: '/etc/pw/audit.ndjson', onFull: 'block' },
      policies: [],
      workers: null,
      publicAnchors: null,
      intermediates: [],
      aia: 'off',
      ct: { logList: null, signed: null, profile: { name: 'chrome' }, maxListAgeMs: 70 * 86_400_000 },
      crl: { files: [], fetch: 'off' },
      fetch: { ports: [80], allowPrivate: [] },
    });
  });

  it('knows the next CA by the names of the current one, and by its own', () => {
    const tls = configOf('ca: { certificateFile: ca/tls.crt, keyFile: ca/tls.key, chainFile: ca/ca.crt }\n').ca;
    expect(tls.next).toMatchObject({ certificateFile: '/etc/pw/ca/next-tls.crt', chainFile: '/etc/pw/ca/ca.crt' });
    const named =
      '{ certificateFile: b/tls.crt, keyFile: b/tls.key, chainFile: b/ca.crt, signsFrom: 2027-06-01T12:00:00Z }';
    expect(configOf(`ca: { next: ${named} }\n`).ca.next).toEqual({
      certificateFile: '/etc/pw/b/tls.crt',
      keyFile: '/etc/pw/b/tls.key',
      chainFile: '/etc/pw/b/ca.crt',
      signsFromMs: Date.UTC(2027, 5, 1, 12),
    });
  });

  it('makes paths absolute and hosts canonical', () => {
    const config = configOf(`admin: { unix: ./run/admin.sock }
metrics: off
state: /var/lib/pinwarden
anchors: [corp.pem, ../other/corp.pem]
egress: { ports: [443, 443], hosts: { API.Bank.Example: [192.0.2.1, "2001:db8::1"] }, dns: { servers: [10.0.0.53, "10.0.0.53:5353", "[::1]:53"] } }
clients: { ci: [10.4.0.0/16, 192.0.2.7] }
ct: { logList: logs.json }
crl: { files: [a.crl] }
policies: [./policies, { path: pay, owner: payments, mayMatch: ["**.pay.example"], mayNot: [bypass, unsafe] }]
workers: 4
`);
    expect(config).toMatchObject({
      admin: { unix: '/etc/pw/run/admin.sock' },
      metrics: null,
      state: '/var/lib/pinwarden',
      anchors: { files: ['/etc/pw/corp.pem', '/etc/other/corp.pem'] },
      egress: { ports: [443], dns: { servers: ['10.0.0.53', '10.0.0.53:5353', '[::1]:53'] } },
      clients: [{ name: 'ci', ranges: ['10.4.0.0/16', '192.0.2.7'] }],
      unmatched: { rule: { anchors: { files: ['/etc/pw/corp.pem', '/etc/other/corp.pem'] } } },
      ct: { logList: '/etc/pw/logs.json' },
      crl: { files: ['/etc/pw/a.crl'] },
      policies: [
        { path: '/etc/pw/policies', owner: null, mayMatch: null, mayNot: [] },
        {
          path: '/etc/pw/pay',
          owner: 'payments',
          mayMatch: [{ kind: 'deep', host: 'pay.example' }],
          mayNot: ['bypass', 'unsafe'],
        },
      ],
      workers: 4,
    });
    expect(config.egress.hosts.get('api.bank.example')).toEqual(['192.0.2.1', '2001:db8::1']);
  });

  it('reads what completes and what is asked of CT', () => {
    const config = configOf(`publicAnchors: [roots.pem]
intermediates: [i.pem]
aia: background
ct: { logList: list.json, signatureKeyFile: key.pem, profile: { minScts: 2, minOperators: 1 }, maxListAgeDays: 3 }
crl: { fetch: background }
fetch: { ports: [80, 80, 8080], allowPrivate: [10.0.0.0/8] }
`);
    expect(config).toMatchObject({
      publicAnchors: ['/etc/pw/roots.pem'],
      intermediates: ['/etc/pw/i.pem'],
      aia: 'background',
      ct: {
        logList: '/etc/pw/list.json',
        signed: { keyFile: '/etc/pw/key.pem', signatureFile: '/etc/pw/list.sig' },
        profile: { name: 'custom', minScts: 2, minOperators: 1, lifetimeDays: null },
        maxListAgeMs: 3 * 86_400_000,
      },
      crl: { fetch: 'background' },
      fetch: { ports: [80, 8080], allowPrivate: ['10.0.0.0/8'] },
    });
    const named = configOf('ct: { logList: l, signatureKeyFile: k, signatureFile: s, profile: apple }\n');
    expect(named.ct).toMatchObject({ signed: { signatureFile: '/etc/pw/s' }, profile: { name: 'apple' } });
    const long = configOf('ct: { profile: { minScts: 2, minOperators: 2, lifetimeDays: 90 } }\n');
    expect(long.ct.profile).toMatchObject({ lifetimeDays: 90 });
  });

  it('is frozen', () => {
    const config = unwrap(loadConfig('version: 1\n', '/c.yaml'));
    expect(Object.isFrozen(config) && Object.isFrozen(config.listen) && Object.isFrozen(config.limits)).toBe(true);
  });
});
