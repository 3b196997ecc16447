import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Where .ci/run reads the counts from; unset: people only read the screen. */
const results = process.env['PINWARDEN_RESULTS'];

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.fuzz.ts'],
    // Real servers and a real PKI per file: two workers are what the smallest supported machine has.
    maxWorkers: 2,
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
    // Only what hangs is to meet these: a busy machine makes everything ten times as slow.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { interval: 20, timeout: 30_000 } },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: {
        'src/{model,pki,wire,policy,verify}/**': { branches: 95 },
      },
    },
  },
});
