import { describe, expect, it } from 'vitest';
import { Der } from '../../src/model/der.ts';

describe('Der', () => {
  it('does not change when the memory it was made from does', () => {
    const pooled = Buffer.from([0x30, 0x01, 0x05]);
    const der = Der.of(pooled);
    pooled.fill(0xff);
    expect(der.bytes).toEqual(Buffer.from([0x30, 0x01, 0x05]));
  });

  it('is named by the SHA-256 of its bytes', () => {
    expect(Der.of(Buffer.from('abc')).sha256).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(Der.of(Buffer.from('abc')).equals(Der.of(Buffer.from('abc')))).toBe(true);
    expect(Der.of(Buffer.from('abc')).equals(Der.of(Buffer.from('abd')))).toBe(false);
  });

  it('survives JSON', () => {
    const der = Der.of(Buffer.from([0, 1, 2, 254, 255]));
    const text: unknown = JSON.parse(JSON.stringify({ der }));
    expect(Der.fromBase64((text as { der: string }).der).equals(der)).toBe(true);
  });

  it('is frozen', () => {
    expect(Object.isFrozen(Der.of(Buffer.from('x')))).toBe(true);
  });
});
