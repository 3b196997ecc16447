import { expect, it } from 'vitest';
import { readDer } from '../../../src/pki/der/reader.ts';
import * as der from '../../../src/pki/der/writer.ts';
import { readAlgorithm } from '../../../src/pki/x509/algorithm.ts';

const read = (bytes: Buffer) => readDer(bytes, 100, readAlgorithm);

it('keeps parameters as they are, and null when there are none', () => {
  const bare = der.sequence(der.oid('1.2.3'));
  const withNull = der.sequence(der.oid('1.2.3'), der.nullValue());
  expect(read(bare)).toEqual({ ok: true, value: { oid: '1.2.3', parameters: null, raw: bare } });
  expect(read(withNull)).toEqual({ ok: true, value: { oid: '1.2.3', parameters: der.nullValue(), raw: withNull } });
});

it.each([der.sequence(), der.oid('1.2.3'), der.sequence(der.oid('1.2.3'), der.nullValue(), der.nullValue())])(
  'refuses what is no AlgorithmIdentifier',
  (bytes) => {
    expect(read(bytes).ok).toBe(false);
  },
);
