import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { commandHelp, helpText, unknownCommand } from '../../src/cli/help.ts';

describe('help', () => {
  it('has no command that it does not know, and guesses only what is near', () => {
    expect(unknownCommand('prob')).toContain('did you mean: pinwarden probe');
    expect(unknownCommand('frobnicate')).toContain('see: pinwarden help');
    expect(unknownCommand('\u001b[31m'.repeat(40)).length).toBeLessThan(200);
  });

  it('lists every command on a line of its own that ends before 120 characters', () => {
    const lines = helpText().split('\n');
    for (const [name, { does }] of Object.entries(COMMANDS)) {
      expect(lines.some((line) => line.startsWith(`  ${name} `) && line.endsWith(does))).toBe(true);
    }
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(120);
  });

  it.each(Object.entries(COMMANDS))('documents options and exit codes of %s', (_name, entry) => {
    const text = commandHelp(entry);
    for (const { flag, does } of entry.options) expect(text).toMatch(new RegExp(`${flag}.*${does.slice(0, 10)}`));
    for (const [code, means] of Object.entries(entry.exits)) expect(text).toContain(`  ${code.padEnd(4)}${means}`);
  });
});
