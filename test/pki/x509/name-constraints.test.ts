import { describe, expect, it } from 'vitest';
import * as der from '../../../src/pki/der/writer.ts';
import type { Certificate, NameConstraints } from '../../../src/pki/x509/certificate.ts';
import { checkNameConstraints, MAX_COMPARISONS } from '../../../src/pki/x509/name-constraints.ts';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { DNS, IP, MALFORMED, SAN, SUBJECT, UNSUPPORTED } from '../../cases/pki/name-constraints.ts';
import { vector, vectorFiles } from '../../support/boringssl.ts';
import * as ext from '../../support/extensions.ts';
import { authority, type Spec } from '../../support/test-ca.ts';

const root = authority({ at: '2026-01-01T00:00:00Z' });
const { key } = root;

function certificate(spec: Spec): Certificate {
  const parsed = parseCertificate(root.issueLeaf({ key, ...spec }).der);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

function constraints(value: Buffer, critical = true): NameConstraints | null {
  const parsed = parseCertificate(root.issueCa({ key, extensions: [ext.extension('2.5.29.30', critical, value)] }).der);
  return parsed.ok ? (parsed.value.extensions.nameConstraints ?? null) : null;
}

/** What is wrong with a leaf under constraints, as `form why`. */
function verdict(spec: ext.ConstraintsSpec, leaf: Spec, critical = true): readonly string[] {
  const held = constraints(ext.nameConstraints(spec).value, critical);
  if (held === null) throw new Error('the constraints do not parse');
  return checkNameConstraints(held, certificate(leaf)).map(({ form, why }) => `${form} ${why}`);
}

describe('hosts', () => {
  it.each(['*.example.test', 'exa mple.test', 'https://example.test', 'a..test', '..test', '!'])(
    'an excluded tree %j might have covered any name',
    (tree) => {
      expect(verdict({ excluded: { dns: [tree] } }, { dns: ['www.other.test'] })).toEqual(['dns unreadable']);
      expect(verdict({ excluded: { dns: [tree] } }, { ip: ['192.0.2.1'] })).toEqual([]);
      expect(verdict({ permitted: { dns: [tree] } }, { dns: ['www.example.test'] })).toEqual(['dns not-permitted']);
    },
  );

  it.each(['example.test.', '.example.test', 'Example.TEST', '_tcp.example.test'])(
    'an excluded tree %s is read',
    (tree) => {
      expect(verdict({ excluded: { dns: [tree] } }, { dns: ['www.other.test'] })).toEqual([]);
    },
  );

  it.each([
    ['a.other.test', ['subject-host not-permitted']],
    ['a.example.test', []],
    ['a.other.test.', []],
    ['not a host', []],
  ])('of a common name %j without dNSName', (cn, expected) => {
    const names = { subject: [['CN', cn]] as const, email: ['a@b.test'] };
    expect(verdict({ permitted: { dns: ['example.test'] } }, names)).toEqual(expected);
    expect(verdict({ permitted: { dns: ['example.test'] } }, { ...names, subject: teletex('CN', cn) })).toEqual(
      expected,
    );
  });
});

/** One attribute as a TeletexString. */
function teletex(type: 'CN' | 'O', value: string): Buffer {
  const oid = { CN: '2.5.4.3', O: '2.5.4.10' }[type];
  return der.sequence(der.set(der.sequence(der.oid(oid), der.tlv(0x14, Buffer.from(value, 'latin1')))));
}

describe('bounds', () => {
  it('compares at most so often, and says so', () => {
    const permitted = { dns: Array.from({ length: 600 }, (_, index) => `t${index}.test`) };
    const dns = Array.from({ length: Math.ceil(MAX_COMPARISONS / 600) + 1 }, (_, index) => `h${index}.t1.test`);
    expect(verdict({ permitted }, { dns })).toEqual(['any budget']);
    expect(verdict({ permitted }, { dns: dns.slice(2) })).toEqual([]);
  });

  it('lists some violations, not thousands, and caps names', () => {
    const dns = Array.from({ length: 100 }, (_, index) => `${'x'.repeat(300)}${index}.test`);
    const held = constraints(ext.nameConstraints({ permitted: { dns: ['other.test'] } }).value);
    const found = checkNameConstraints(held as NameConstraints, certificate({ dns, cn: 'x' }));
    expect(found).toHaveLength(8);
    expect(found[0]?.name).toHaveLength(256);
  });
});

describe('URIs', () => {
  const under = (tree: string, uri: string, list: 'permitted' | 'excluded') =>
    verdict({ [list]: { uri: [tree] } }, { uri: [uri] });

  it.each([
    ['host.test', 'https://host.test/a', []],
    ['host.test', 'https://user@HOST.test:443?x', []],
    ['host.test', 'https://a.host.test/', ['uri not-permitted']],
    ['.host.test', 'https://a.host.test', []],
    ['.host.test', 'https://host.test', ['uri not-permitted']],
    ['host.test', 'urn:host.test', ['uri unreadable']],
    ['host.test', 'https://192.0.2.1/', ['uri unreadable']],
    ['host.test', 'https://[::1]/', ['uri unreadable']],
    ['host.test', 'https://evil.test\\@host.test/', ['uri unreadable']],
    ['host.test', 'https://evil.test/@host.test', ['uri not-permitted']],
  ])('permitted %s, %s: %j', (tree, uri, expected) => {
    expect(under(tree, uri, 'permitted')).toEqual(expected);
  });

  it.each([
    ['host.test', 'https://host.test', ['uri excluded']],
    ['.host.test', 'https://host.test', []],
    ['not a host', 'https://host.test', ['uri unreadable']],
  ])('excluded %s, %s: %j', (tree, uri, expected) => {
    expect(under(tree, uri, 'excluded')).toEqual(expected);
  });
});

describe('forms and subjects', () => {
  it('does not constrain what no tree names', () => {
    const names = { dns: ['a.test'], ip: ['192.0.2.1'], email: ['"q"@x'], uri: ['urn:x'] };
    expect(verdict({ permitted: { directory: [ext.distinguishedName([])] } }, names)).toEqual([]);
  });

  it('constrains the subject, unless it is empty and there are names', () => {
    const permitted = { directory: [ext.distinguishedName([['O', 'Example']])] };
    expect(verdict({ permitted }, { cn: 'x', dns: ['a.test'] })).toEqual(['subject not-permitted']);
    const names = ext.subjectAltName({ dns: ['a.test'] }, true);
    expect(verdict({ permitted }, { subject: [], extensions: [names] })).toEqual([]);
    expect(verdict({ permitted }, { subject: [] })).toEqual(['subject not-permitted']);
  });

  it('reads directory names in the subjectAltName', () => {
    const directory = [ext.distinguishedName([['O', 'Other']])];
    expect(verdict({ excluded: { directory } }, { directory })).toEqual(['directory excluded']);
  });

  it('does not take a TeletexString for a name outside an excluded tree', () => {
    const plain = ext.distinguishedName([['O', 'Example']]);
    const other = { subject: [['O', 'Other']] as const, dns: ['a.test'] };
    expect(verdict({ excluded: { directory: [plain] } }, { ...other, subject: teletex('O', 'Example') })).toEqual([
      'subject unreadable',
    ]);
    expect(verdict({ excluded: { directory: [teletex('O', 'Example')] } }, other)).toEqual(['subject unreadable']);
    expect(verdict({ excluded: { directory: [plain] } }, other)).toEqual([]);
    // What permits needs no such care: bytes that differ are not permitted.
    const own = { ...other, subject: teletex('O', 'Example') };
    expect(verdict({ permitted: { directory: [teletex('O', 'Example')] } }, own)).toEqual([]);
    expect(verdict({ permitted: { directory: [plain] } }, own)).toEqual(['subject not-permitted']);
  });

  it('refuses a wildcard that could reach the root of an excluded tree', () => {
    const excluded = { dns: ['b.example.test'] };
    expect(verdict({ excluded }, { dns: ['*.example.test'] })).toEqual(['dns excluded']);
    expect(verdict({ excluded }, { dns: ['*.test'] })).toEqual([]);
    expect(verdict({ excluded }, { dns: ['*.c.test'] })).toEqual([]);
    expect(verdict({ excluded }, { dns: ['*.xexample.test'] })).toEqual([]);
  });
});

const SUITE = 'name_constraints_unittest';

describe.skipIf(vectorFiles(SUITE).length === 0)('BoringSSL name_constraints', () => {
  const block = (file: string, label: string): Buffer => vector(SUITE, `${file}.pem`).get(label) ?? Buffer.alloc(0);
  const of = (file: string, critical: boolean) => constraints(block(file, 'NAME CONSTRAINTS'), critical);
  const passes = (file: string, critical: boolean, leaf: Spec): boolean => {
    const held = of(file, critical);
    if (held === null) throw new Error(`${file} does not parse`);
    return checkNameConstraints(held, certificate(leaf)).length === 0;
  };
  /** No subject, so that directory trees judge only the names of the vector. */
  const san = (value: Buffer): Spec => ({ subject: [], extensions: [ext.extension('2.5.29.17', true, value)] });
  const names = (spec: ext.NamesSpec): Spec => san(ext.subjectAltName(spec).value);

  describe.each([true, false])('critical: %s', (critical) => {
    it('refuses what is malformed and reads everything else', () => {
      const files = vectorFiles(SUITE).map((file) => file.replace('.pem', ''));
      const all = files.filter((file) => vector(SUITE, `${file}.pem`).has('NAME CONSTRAINTS'));
      expect(all.filter((file) => of(file, critical) === null)).toEqual(MALFORMED);
      expect(constraints(Buffer.alloc(0), critical)).toBeNull();
    });

    it('refuses a tree that is not ASCII', () => {
      const bytes = Buffer.from(block('dnsname', 'NAME CONSTRAINTS'));
      bytes[bytes.indexOf('permitted.example2.com')] = 0xff;
      expect(constraints(bytes, critical)).toBeNull();
    });

    it.each(DNS)('dNSName: %s', (file, inside, outside) => {
      expect(inside.filter((name) => !passes(file, critical, names({ dns: [name] })))).toEqual([]);
      expect(outside.filter((name) => passes(file, critical, names({ dns: [name] })))).toEqual([]);
    });

    it.each(IP)('iPAddress: %s', (file, inside, outside) => {
      expect(inside.filter((ip) => !passes(file, critical, names({ ip: [ip] })))).toEqual([]);
      expect(outside.filter((ip) => passes(file, critical, names({ ip: [ip] })))).toEqual([]);
    });

    it.each(SUBJECT)('subject: %s', (file, inside, outside) => {
      const subject = (name: string): Spec => ({ subject: block(name, 'NAME') });
      expect(inside.filter((name) => !passes(file, critical, subject(name)))).toEqual([]);
      expect(outside.filter((name) => passes(file, critical, subject(name)))).toEqual([]);
    });

    it.each(SAN)('subjectAltName: %s', (file, inside, outside) => {
      const leaf = (name: string) => san(block(name, 'SUBJECT ALTERNATIVE NAME'));
      expect(inside.filter((name) => !passes(file, critical, leaf(name)))).toEqual([]);
      expect(outside.filter((name) => passes(file, critical, leaf(name)))).toEqual([]);
    });

    it.each(UNSUPPORTED)('forms that nobody compares: %s, %s', (file, name) => {
      expect(passes(file, critical, san(block(name, 'SUBJECT ALTERNATIVE NAME')))).toBe(!critical);
    });
  });

  it.each([
    ['san-invalid-empty', false],
    ['san-invalid-ipaddress', false],
    ['san-permitted', true],
  ])('%s parses: %s', (file, ok) => {
    const value = block(file, 'SUBJECT ALTERNATIVE NAME');
    const leaf = root.issueLeaf({ key, ...san(value) });
    expect(parseCertificate(leaf.der).ok).toBe(ok);
  });
});
