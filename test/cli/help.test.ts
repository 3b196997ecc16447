import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { commandHelp, helpText, unknownCommand } from '../../src/cli/help.ts';
import { createScreen } from '../../src/cli/screen.ts';
import { capturedIo } from './captured-io.ts';

describe('help', () => {
  it('has no command that it does not know, and guesses only what is near', () => {
    expect(unknownCommand('prob')).toContain('did you mean: pinwarden probe');
    expect(unknownCommand('frobnicate')).toBe('pinwarden: no command "frobnicate"\nnext: pinwarden help\n');
    expect(unknownCommand('\u001b[31m'.repeat(40)).length).toBeLessThan(200);
  });

  it('lists every command on a line of its own that ends before 120 characters', () => {
    const lines = helpText(createScreen(capturedIo('/'))).split('\n');
    for (const [name, { does }] of Object.entries(COMMANDS)) {
      expect(lines.some((line) => line.startsWith(`  ${name} `) && line.endsWith(does))).toBe(true);
    }
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(120);
  });

  it.each([100, 80])('fits a terminal of %i columns, and keeps an option and its value together', (columns) => {
    const screen = createScreen({ ...capturedIo('/'), isTty: true, columns });
    const texts = [helpText(screen), ...Object.values(COMMANDS).map((entry) => commandHelp(entry, screen))];
    const lines = texts.flatMap((text) => text.split('\n'));
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    const events = commandHelp(COMMANDS['events']!, screen);
    expect(events).toContain('[--since 1h]');
    expect(events).not.toContain('\u00a0');
    expect(helpText(screen)).toMatch(/^ {14}\S/m);
  });

  it('names the variables that a command reads', () => {
    const of = (name: string) => commandHelp(COMMANDS[name]!, createScreen(capturedIo('/')));
    for (const name of ['ca', 'doctor'])
      expect(of(name)).toMatch(/\nenvironment\n {2}TRUST_STORES +only these trust stores: /);
    expect(of('env')).not.toContain('environment\n');
  });

  it.each(Object.entries(COMMANDS))('documents options and exit codes of %s', (_name, entry) => {
    const text = commandHelp(entry, createScreen(capturedIo('/')));
    for (const { flag, does } of entry.options) expect(text).toMatch(new RegExp(`${flag}.*${does.slice(0, 10)}`));
    for (const [code, means] of Object.entries(entry.exits)) expect(text).toContain(`  ${code.padEnd(4)}${means}`);
  });
});
