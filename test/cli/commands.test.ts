import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { capturedIo } from './captured-io.ts';

const entries = Object.entries(COMMANDS);
const NO_SUCH = '--no-such-option';

describe.each(entries)('%s', (name, entry) => {
  it('says what it does, how it is used and how it ends', () => {
    expect(entry.does).not.toBe('');
    for (const line of entry.usage) expect(line.startsWith(`${name} `), line).toBe(true);
    expect(Object.keys(entry.exits)).toContain('0');
    expect(entry.exits[2]).toBe('wrong command line');
    const flags = entry.options.map(({ flag }) => flag);
    expect(new Set(flags).size).toBe(flags.length);
  });

  it('refuses an option that is not listed, and knows each that is', async () => {
    const command = await entry.load();
    const listed = entry.options.flatMap(({ flag, short, takes }) =>
      [flag, ...(short === undefined ? [] : [short])].map((one) => (takes === undefined ? [one] : [one, 'x'])),
    );
    for (const words of [[], ...listed]) {
      const io = capturedIo('/');
      expect(await command([...words, NO_SUCH], io), words.join(' ')).toBe(2);
      // The parser stops at the first option that it does not know: it must be the last one.
      expect(io.stderr(), words.join(' ')).toContain(NO_SUCH);
      expect(io.stdout()).toBe('');
    }
  });
});
