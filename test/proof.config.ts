import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Long runs that prove what the suite only samples; `npm run proof`. One at a time, since they measure. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    // Suites that sample elsewhere run whole here.
    include: ['test/**/*.proof.ts', 'test/conformance/*.test.ts'],
    env: { PINWARDEN_PROOF: '1' },
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 60_000,
  },
});
