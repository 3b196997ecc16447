/**
 * `completion bash|zsh|fish`: a completion script, generated from the command table.
 *
 * Does: commands, options, words and files; the scripts run nothing when they are loaded.
 */
import { COMMANDS, type Entry, type Option, type Takes, type Words } from './commands.ts';
import type { Io } from './io.ts';
import { EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

const SHELLS = { bash, zsh, fish } as const;

/** @returns 0 printed, 2 usage. */
export async function runCompletion(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('completion', io, async () => {
    const { positionals } = readArguments(argv, {});
    const [shell, second] = positionals;
    if (shell === undefined || second !== undefined || !Object.hasOwn(SHELLS, shell)) {
      throw new UsageError('name a shell: bash, zsh or fish');
    }
    io.out(SHELLS[shell as keyof typeof SHELLS]());
    return EXIT_OK;
  });
}

type Completed = Pick<Entry, 'does' | 'options' | 'operand'>;

/** `help` is no command of the table (dispatch.ts answers it), but is completed like one. */
const HELP: Completed = { does: 'what a command does, with its options', options: [], operand: Object.keys(COMMANDS) };
const ENTRIES: readonly (readonly [string, Completed])[] = [...Object.entries(COMMANDS), ['help', HELP]];

function words(takes: Takes | undefined): readonly string[] {
  if (typeof takes !== 'object') return [];
  return 'words' in takes ? takes.words : takes;
}

function namesOf({ flag, short }: Option): readonly string[] {
  return short === undefined ? [flag] : [flag, short];
}

/** In single quotes, for all three shells; a backslash in them stays one in bash and zsh, and fish gets none. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bash(): string {
  const commands = ENTRIES.map(([name, entry]) => `    ${name}) ${bashCase(entry)} ;;`);
  return [
    '# bash completion of pinwarden; load it with: source <(pinwarden completion bash)',
    '_pinwarden() {',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: braces of bash
    '  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} offer= files= list= before_comma=',
    '  COMPREPLY=()',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W ${quote(ENTRIES.map(([name]) => name).join(' '))} -- "$word"))`,
    '    return',
    '  fi',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: braces of bash
    '  case "${COMP_WORDS[1]}" in',
    ...commands,
    '  esac',
    '  if [ -n "$list" ]; then',
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: braces of bash
    '    case "$word" in *,*) before_comma=${word%,*}, ;; esac',
    '    COMPREPLY=($(compgen -P "$before_comma" -W "$offer" -- "${word##*,}"))',
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: braces of bash
    '    compopt -o nospace 2>/dev/null',
    '    return',
    '  fi',
    '  [ -n "$offer" ] && COMPREPLY=($(compgen -W "$offer" -- "$word"))',
    '  if [ -n "$files" ]; then',
    '    compopt -o filenames 2>/dev/null',
    '    COMPREPLY+=($(compgen -f -- "$word"))',
    '  fi',
    '}',
    'complete -F _pinwarden pinwarden',
    '',
  ].join('\n');
}

/** What one command offers after an option that takes a value, and elsewhere. */
function bashCase(entry: Completed): string {
  const values = entry.options
    .filter(({ takes }) => takes !== undefined)
    .map((option) => `${namesOf(option).join('|')}) ${bashOffer(option.takes)} ;;`);
  const flags = [...entry.options.map(({ flag }) => flag), ...(entry === HELP ? [] : ['--help'])].join(' ');
  const plain = `offer=${quote([...words(entry.operand), flags].join(' '))}${isPath(entry.operand) ? '; files=1' : ''}`;
  return `case "$before" in ${[...values, `*) ${plain} ;;`].join(' ')} esac`;
}

function bashOffer(takes: Takes | undefined): string {
  const more = `${isList(takes) ? '; list=1' : ''}${isPath(takes) ? '; files=1' : ''}`;
  return `offer=${quote(words(takes).join(' '))}${more}`;
}

function isPath(takes: Takes | undefined): boolean {
  return takes === 'file' || takes === 'directory' || asOf(takes) === 'or-file';
}

function isList(takes: Takes | undefined): boolean {
  return asOf(takes) === 'list';
}

function asOf(takes: Takes | undefined): Words['as'] | null {
  return typeof takes === 'object' && 'words' in takes ? takes.as : null;
}

function zsh(): string {
  const commands = ENTRIES.map(([name, { does }]) => `    ${quote(`${name}:${zshText(does)}`)}`);
  const cases = ENTRIES.map(([name, entry]) => `    ${name}) _arguments ${zshArguments(entry).join(' ')} ;;`);
  return [
    '#compdef pinwarden',
    '# zsh completion of pinwarden; load it with: source <(pinwarden completion zsh)',
    '_pinwarden() {',
    '  local -a commands=(',
    ...commands,
    '  )',
    '  if (( CURRENT == 2 )); then',
    "    _describe 'command' commands",
    '    return',
    '  fi',
    '  local command=$words[2]',
    '  shift words; (( CURRENT-- ))',
    '  case $command in',
    ...cases,
    '  esac',
    '}',
    'compdef _pinwarden pinwarden',
    '',
  ].join('\n');
}

function zshArguments({ options, operand }: Completed): readonly string[] {
  const specs = options.flatMap((option) =>
    namesOf(option).map((name) => {
      const value = option.takes === undefined ? '' : `:${zshText(option.value ?? 'value')}:${zshAction(option.takes)}`;
      return quote(`*${name}[${zshText(option.does)}]${value}`);
    }),
  );
  return [...specs, ...(operand === undefined ? [] : [quote(`*:${'operand'}:${zshAction(operand)}`)])];
}

/** Colons and brackets mean something in a specification. */
function zshText(text: string): string {
  return text.replaceAll(/[:[\]|]/g, ' ');
}

function zshAction(takes: Takes): string {
  if (takes === 'directory') return '_files -/';
  if (takes === 'file') return '_files';
  if (takes === 'host') return '_hosts';
  if (typeof takes === 'string') return ' ';
  const said = words(takes).join(' ');
  // A colon of the action itself is escaped. A blank in front: taken as it is, without the options that _arguments would put in.
  if (isList(takes)) return ` _values -s , word ${said}`;
  return isPath(takes) ? `{_alternative "words\\:word\\:(${said})" "files\\:file\\:_files"}` : `(${said})`;
}

function fish(): string {
  const unset = `not __fish_seen_subcommand_from ${ENTRIES.map(([name]) => name).join(' ')}`;
  const commands = ENTRIES.map(
    ([name, { does }]) => `complete -c pinwarden -n ${quote(unset)} -a ${name} -d ${quote(does)}`,
  );
  const rest = ENTRIES.flatMap(([name, entry]) => fishLines(name, entry));
  return [
    '# fish completion of pinwarden; load it with: pinwarden completion fish | source',
    'complete -c pinwarden -f',
    ...commands,
    ...rest,
    '',
  ].join('\n');
}

function fishLines(name: string, { options, operand }: Completed): readonly string[] {
  const when = `-n ${quote(`__fish_seen_subcommand_from ${name}`)}`;
  const flags = options.map(({ flag, short, takes, does }) => {
    const one = short === undefined ? '' : ` -s ${short.slice(1)}`;
    const value = takes === undefined ? '' : isPath(takes) ? ' -r -F' : ' -x';
    const said = words(takes).join(' ');
    const choice =
      said === ''
        ? ''
        : ` -a ${quote(isList(takes) ? `(__fish_complete_list , "echo ${said} | string split ' '")` : said)}`;
    return `complete -c pinwarden ${when} -l ${flag.slice(2)}${one}${value}${choice} -d ${quote(does)}`;
  });
  if (operand === undefined) return flags;
  if (isPath(operand)) return [...flags, `complete -c pinwarden ${when} -F`];
  return words(operand).length === 0
    ? flags
    : [...flags, `complete -c pinwarden ${when} -a ${quote(words(operand).join(' '))}`];
}
