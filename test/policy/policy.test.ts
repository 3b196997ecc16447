import { expect, it } from 'vitest';
import { anchorsKey } from '../../src/policy/policy.ts';

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
