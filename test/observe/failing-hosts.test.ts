import { expect, it } from 'vitest';
import { countDistinct, createFailingHosts } from '../../src/observe/failing-hosts.ts';

const MINUTE_MS = 60_000;

it('stays bounded whatever hosts a client invents', () => {
  const failing = createFailingHosts();
  for (let index = 0; index < 10_000; index += 1) failing.failed('p', 'pin.mismatch', `h${index}`, index);
  const [series] = failing.series(10_000);
  expect(series?.hosts).toHaveLength(64);
  // The newest stay.
  expect(series?.hosts.at(-1)?.[0]).toBe('h9999');
});

it('stays bounded in series, and makes room when old ones have passed', () => {
  const failing = createFailingHosts();
  for (let index = 0; index < 1500; index += 1) failing.failed(`p${index}`, 'pin.mismatch', 'h', 0);
  expect(failing.series(0)).toHaveLength(1000);
  failing.failed('late', 'pin.mismatch', 'h', 11 * MINUTE_MS);
  expect(failing.series(11 * MINUTE_MS)).toEqual([
    { policy: 'late', code: 'pin.mismatch', hosts: [['h', 11 * MINUTE_MS]] },
  ]);
});

it('forgets after ten minutes', () => {
  const failing = createFailingHosts();
  failing.failed('p', 'pin.mismatch', 'h', 0);
  expect(failing.series(10 * MINUTE_MS)).toHaveLength(1);
  expect(failing.series(10 * MINUTE_MS + 1)).toHaveLength(0);
});

it('counts a host that failed at several workers once', () => {
  const part = (...hosts: string[]) => [
    { policy: 'p', code: 'c', hosts: hosts.map((host): [string, number] => [host, 1]) },
  ];
  expect(countDistinct([part('a', 'b'), part('b', 'c'), []])).toEqual([{ policy: 'p', code: 'c', hosts: 3 }]);
});
