import { describe, expect, it } from 'vitest';
import { Der } from '../../src/model/der.ts';
import { createIntermediates, type Intermediates } from '../../src/proxy/intermediates.ts';
import { createCertificateMemory } from '../../src/verify/certificate-memory.ts';
import { authority, type Issued } from '../support/test-ca.ts';
import { certificateOf } from '../verify/verify-cases.ts';

const root = authority({ cn: 'Root' });
const upper = root.issueCa({ cn: 'Upper' });
const lower = upper.issueCa({ cn: 'Lower' });
const leaf = lower.issueLeaf({ dns: ['good.test'] });

const pool = (most?: number): Intermediates => createIntermediates(createCertificateMemory(10), most);
const path = (...issued: Issued[]) => issued.map(certificateOf);
const offered = (held: Intermediates, ...presented: (Issued | Buffer)[]): readonly string[] =>
  held.complete(presented.map((one) => Der.of(Buffer.isBuffer(one) ? one : one.der))).map((der) => der.sha256);
const digests = (...issued: Issued[]): readonly string[] => issued.map((one) => Der.of(one.der).sha256);

describe('known intermediates', () => {
  it('offer nothing for junk, for nothing, or for names that nobody has', () => {
    const held = pool();
    expect(offered(held)).toEqual([]);
    expect(offered(held, leaf)).toEqual([]);
    held.provide(path(upper));
    expect(offered(held, Buffer.from('junk'), leaf)).toEqual([]);
  });

  it('offer what is missing, upwards from the leaf', () => {
    const held = pool();
    held.provide(path(upper, lower));
    expect(offered(held, leaf)).toEqual(digests(lower, upper));
    expect(offered(held, leaf, lower)).toEqual(digests(upper));
    expect(offered(held, leaf, lower, upper)).toEqual([]);
  });

  it('keep the issuers of accepted paths, but neither leaf nor anchor', () => {
    const held = pool();
    held.learn(path(leaf, lower, upper, root));
    expect(held.learned).toBe(2);
    expect(offered(held, leaf)).toEqual(digests(lower, upper));
    held.learn(path(leaf));
    expect(held.learned).toBe(2);
  });

  it('forget what was used longest ago', () => {
    const held = pool(2);
    const others = ['a', 'b'].map((cn) => root.issueCa({ cn }));
    held.learn(path(leaf, lower, upper, root));
    held.learn(path(leaf, lower, root));
    held.learn(path(leaf, others[0]!, root));
    expect(offered(held, leaf)).toEqual(digests(lower));
    held.learn(path(leaf, others[1]!, root));
    expect(offered(held, leaf)).toEqual([]);
    expect(held.learned).toBe(2);
    held.provide(path(lower));
    held.forget();
    expect(held.learned).toBe(0);
    expect(offered(held, leaf)).toEqual(digests(lower));
  });

  it('offer every certificate of a name, within bounds, and end in a ring', () => {
    const held = pool();
    const copies = Array.from({ length: 20 }, (_, serial) => root.crossSign(lower, { serial: serial + 1 }));
    held.provide(path(...copies));
    expect(offered(held, leaf)).toHaveLength(16);
    const one = authority({ cn: 'One' });
    const two = one.issueCa({ cn: 'Two' });
    held.provide(path(two.crossSign(one), two));
    expect(offered(held, two.issueLeaf({ dns: ['x.test'] }))).toHaveLength(2);
  });
});
