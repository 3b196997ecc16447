import { expect, it } from 'vitest';
import { processIo } from '../../src/cli/process-io.ts';

it('survives a reader that goes away, and shows the process as it is', () => {
  const io = processIo();
  expect(() => process.stdout.emit('error', new Error('EPIPE'))).not.toThrow();
  expect(() => process.stderr.emit('error', new Error('EPIPE'))).not.toThrow();
  io.out('');
  io.err('');
  expect(io.cwd).toBe(process.cwd());
  expect(io.env['PATH']).toBe(process.env['PATH']);
  expect(typeof io.isTty).toBe('boolean');
});
