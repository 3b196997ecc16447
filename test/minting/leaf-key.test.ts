import { createPrivateKey, createPublicKey } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createLeafKeys, LEAF_KEY_MAX_AGE_MS } from '../../src/minting/leaf-key.ts';
import { testClock } from '../support/clock.ts';

describe('the leaf key', () => {
  it('prints nothing of itself', () => {
    const key = createLeafKeys(testClock()).current();
    const secret = key.keyPem().split('\n')[1] ?? '';
    expect(inspect(key, { depth: 10, showHidden: true }) + JSON.stringify(key)).not.toContain(secret);
  });

  it('is one and the same for a day, then another', () => {
    const clock = testClock();
    const keys = createLeafKeys(clock);
    const first = keys.current();
    clock.advance(LEAF_KEY_MAX_AGE_MS - 1);
    expect(keys.current()).toBe(first);
    // A wall clock that is set back must not keep a key alive.
    clock.setWall('2020-01-01T00:00:00Z');
    clock.advance(1);
    const second = keys.current();
    expect(second.generation).toBe(first.generation + 1);
    expect(second.spki.equals(first.spki)).toBe(false);
  });

  it('is P-256, and differs in each process', () => {
    const key = createLeafKeys(testClock()).current();
    const pair = createPrivateKey(key.keyPem());
    expect(pair.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(createPublicKey(pair).export({ type: 'spki', format: 'der' }).equals(key.spki)).toBe(true);
    expect(createLeafKeys(testClock()).current().spki.equals(key.spki)).toBe(false);
  });

  it('is RSA only for those who ask, made once a day and once for all who wait', async () => {
    const clock = testClock();
    const keys = createLeafKeys(clock);
    expect(() => keys.rsa()).toThrow(TypeError);
    await Promise.all([keys.prepareRsa(), keys.prepareRsa()]);
    const first = keys.rsa();
    expect(first.generation).toBe(1);
    expect(createPrivateKey(first.keyPem()).asymmetricKeyDetails).toMatchObject({ modulusLength: 2048 });
    clock.advance(LEAF_KEY_MAX_AGE_MS - 1);
    await keys.prepareRsa();
    expect(keys.rsa()).toBe(first);
    clock.advance(1);
    await keys.prepareRsa();
    expect(keys.rsa().generation).toBe(2);
  });
});
