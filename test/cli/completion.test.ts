import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { runCompletion } from '../../src/cli/completion.ts';
import { GROUP_FIELDS } from '../../src/cli/event-groups.ts';
import { describeWith } from '../support/tools.ts';
import { capturedIo } from './captured-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'pinwarden-completion-'));
afterAll(() => rmSync(folder, { recursive: true }));
const names = Object.keys(COMMANDS);

async function completion(...argv: readonly string[]) {
  const io = capturedIo(folder);
  return { exit: await runCompletion(argv, io), out: io.stdout() };
}

describe('completion', () => {
  it.each([[[]], [['csh']], [['toString']], [['bash', 'zsh']], [['--json']]])('refuses %j', async (argv) => {
    expect(await completion(...argv)).toEqual({ exit: 2, out: '' });
  });

  it.each(['bash', 'zsh', 'fish'])('for %s knows every command and option', async (shell) => {
    const { exit, out } = await completion(shell);
    expect(exit).toBe(0);
    const flags = Object.values(COMMANDS).flatMap(({ options }) => options.map(({ flag }) => flag));
    for (const name of names) expect(out).toContain(name);
    for (const flag of flags) expect(out).toContain(shell === 'fish' ? `-l ${flag.slice(2)}` : flag);
  });
});

describeWith(['bash'], 'in bash', () => {
  beforeAll(async () => writeFileSync(join(folder, 'c.bash'), (await completion('bash')).out));
  const offered = (...line: readonly string[]) =>
    execFileSync(
      'bash',
      [
        '-c',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: braces of bash
        '. ./c.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pinwarden; echo "${COMPREPLY[@]}"',
        'x',
        'pinwarden',
        ...line,
      ],
      { cwd: folder, encoding: 'utf8' },
    ).trim();

  it('completes commands, options, words and files', () => {
    expect(offered('pro')).toBe('probe');
    expect(offered('nothing', '')).toBe('');
    expect(offered('ca', 'un')).toBe('untrust');
    expect(offered('env', '--shell', '')).toBe('sh bash zsh fish powershell');
    expect(offered('run', '-c', 'c.')).toBe('c.bash');
    expect(offered('probe', '--y')).toBe('--yaml');
    expect(offered('probe', '--anchors', '')).toBe('public system c.bash');
    expect(offered('help', 'wh')).toBe('why');
    expect(offered('help', '').split(' ')).toEqual(names);
  });

  it('completes lists behind each comma', () => {
    expect(offered('events', '--group-by', 'is')).toBe('issuer');
    expect(offered('events', '--group-by', 'code,host,is')).toBe('code,host,issuer');
    expect(offered('events', '--group-by', '').split(' ')).toEqual(Object.keys(GROUP_FIELDS));
    expect(offered('watch', '--verdict', 'block,al').split(' ')).toEqual(['block,allow', 'block,alert']);
  });
});

describeWith(['fish'], 'in fish', () => {
  beforeAll(async () => writeFileSync(join(folder, 'c.fish'), (await completion('fish')).out));
  const offered = (line: string) =>
    execFileSync('fish', ['-c', `source c.fish; complete -C ${JSON.stringify(line)}`], {
      cwd: folder,
      encoding: 'utf8',
    })
      .trim()
      .split('\n')
      .map((one) => one.split('\t')[0]);

  it('completes commands, options, words and files', () => {
    expect(offered('pinwarden pro')).toEqual(['probe']);
    expect(offered('pinwarden ca un')).toEqual(['untrust']);
    expect(new Set(offered('pinwarden env --shell '))).toEqual(new Set(['bash', 'fish', 'powershell', 'sh', 'zsh']));
    expect(offered('pinwarden run -c c.f')).toEqual(['c.fish']);
    expect(offered('pinwarden probe --anchors p')).toEqual(['public']);
    expect(offered('pinwarden probe --anchors c.f')).toEqual(['c.fish']);
    expect(offered('pinwarden help wh')).toEqual(['why']);
    expect(offered('pinwarden events --group-by is')).toEqual(['issuer']);
    expect(offered('pinwarden events --group-by code,host,is')).toEqual(['code,host,issuer']);
  });
});

describeWith(['zsh'], 'in zsh', () => {
  it('loads, and asks for what the table says', async () => {
    writeFileSync(join(folder, 'c.zsh'), (await completion('zsh')).out);
    // Completion functions only run inside the line editor; what they would be told is what we look at.
    // biome-ignore lint/suspicious/noTemplateCurlyInString: braces of zsh
    const fake = 'compdef() {}; _describe() { print -l -- "${(@P)2}"; }; _arguments() { print -rl -- "$@"; }';
    const ask = (words: string, current: number) =>
      execFileSync('zsh', ['-fc', `${fake}; source ./c.zsh; words=(${words}); CURRENT=${current}; _pinwarden`], {
        cwd: folder,
        encoding: 'utf8',
      });
    expect(
      ask('pinwarden ""', 2)
        .split('\n')
        .filter((line) => line !== ''),
    ).toHaveLength(names.length + 1);
    expect(ask('pinwarden env --shell ""', 4)).toContain('*--shell[whose syntax]:SHELL:(sh bash zsh fish powershell)');
    expect(ask('pinwarden ca ""', 3)).toContain('*:operand:(info export rotate trust untrust)');
    expect(ask('pinwarden help ""', 3)).toContain(`*:operand:(${names.join(' ')})`);
    expect(ask('pinwarden events --group-by ""', 4)).toMatch(
      /--group-by\[.*\]:FIELDS: _values -s , word address client /,
    );
    expect(ask('pinwarden probe --anchors ""', 4)).toContain(
      String.raw`"words\:word\:(public system)" "files\:file\:_files"`,
    );
    expect(ask('pinwarden nothing ""', 3)).toBe('');
  });
});
