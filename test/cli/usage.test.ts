import { describe, expect, it } from 'vitest';
import { CommandError, readArguments, UsageError, withUsage } from '../../src/cli/usage.ts';
import { capturedIo } from './captured-io.ts';

async function ending(work: () => Promise<number>) {
  const io = capturedIo('/');
  return { exit: await withUsage('env', io, work), err: io.stderr() };
}

describe('withUsage', () => {
  it('ends a wrong command line with the usage and code 2', async () => {
    const { exit, err } = await ending(async () => {
      throw new UsageError('no such thing');
    });
    expect(exit).toBe(2);
    expect(err).toMatch(/^pinwarden env: no such thing\nusage: pinwarden env \[.*\nnext: pinwarden env --help\n$/);
  });

  it('ends what cannot be done with the next step and code 1', async () => {
    const { exit, err } = await ending(async () => {
      throw new CommandError('not there', 'make it');
    });
    expect({ exit, err }).toEqual({ exit: 1, err: 'pinwarden env: not there\nnext: make it\n' });
  });

  it('leaves our own mistakes alone', async () => {
    await expect(
      ending(async () => {
        throw new TypeError('ours');
      }),
    ).rejects.toThrow('ours');
  });
});

describe('readArguments', () => {
  it('refuses what it does not know, and reads the rest', () => {
    const options = { json: { type: 'boolean', default: false } } as const;
    expect(() => readArguments(['--yaml'], options)).toThrow(UsageError);
    expect(() => readArguments(['--json=1'], options)).toThrow(UsageError);
    expect(() => readArguments(['--jsno'], options)).toThrow(/^unknown option --jsno; did you mean --json\?$/);
    expect(() => readArguments(['--elephant'], options)).toThrow(/^unknown option --elephant$/);
    const spans = { since: { type: 'string', short: 's' }, json: { type: 'boolean', short: 'j' } } as const;
    const said = (...argv: string[]): string => {
      try {
        readArguments(argv, spans);
      } catch (thrown) {
        return thrown instanceof UsageError ? thrown.message : 'another error';
      }
      return 'nothing';
    };
    const dashed = 'option --since is followed by -1h, which starts like an option: leave the dash out';
    expect(said('--since', '-1h')).toBe(dashed);
    expect(said('-s', '-1h')).toBe(dashed.replace('--since', '-s'));
    for (const argv of [['--since'], ['--since', '--json'], ['--since', '-j']]) {
      expect(said(...argv)).toBe('option --since needs a value');
    }
    expect(said('-s')).toBe('option --since needs a value');
    const { values, positionals } = readArguments(['a', '--json', '--', '--b'], options);
    expect(values.json).toBe(true);
    expect(positionals).toEqual(['a', '--b']);
  });
});
