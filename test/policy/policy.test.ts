import { expect, it } from 'vitest';
import { anchorsKey, isInForce } from '../../src/policy/policy.ts';

it('names every choice of anchors differently', () => {
  const keys = [
    anchorsKey('public'),
    anchorsKey('system'),
    anchorsKey({ files: ['/a.pem'] }),
    anchorsKey({ files: ['/a.pem', '/b.pem'] }),
    anchorsKey({ files: ['public'] }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

it('an exception is in force until it ends, and one that is not there never', () => {
  const exception = { action: 'alert', reason: 'r', untilMs: 1000 } as const;
  expect([null, exception].map((one) => isInForce(one, 999))).toEqual([false, true]);
  expect(isInForce(exception, 1000)).toBe(false);
});
