/** `check [-c FILE] [--format text|json|github] [--json] [--strict]`: every mistake of configuration and policies at once. */
import { parseArgs, styleText } from 'node:util';
import { systemClock } from '../host/clock.ts';
import { lint } from '../policy/lint.ts';
import { byPlace, type Mistake, printMistake } from '../policy/mistakes.ts';
import type { Io } from './io.ts';
import { DEFAULT_CONFIG, type Files, loadFiles, shorten, shortPlace } from './policy-files.ts';

const EXIT_INVALID = 1;
const EXIT_USAGE = 2;
const FORMATS = ['text', 'json', 'github'] as const;
type Format = (typeof FORMATS)[number];
const USAGE = 'usage: pinwarden check [-c FILE] [--format text|json|github] [--json] [--strict]\n';

interface Options {
  readonly config: string;
  readonly format: Format;
  readonly strict: boolean;
}

/** @returns 0 ok, 1 invalid (with `--strict` also for warnings), 2 for a wrong command line. */
export async function runCheck(argv: readonly string[], io: Io): Promise<number> {
  const options = readOptions(argv, io);
  if (options === null) return EXIT_USAGE;
  const files = loadFiles(options.config, io);
  const { config, policy } = files;
  const linted = config === null || policy === null ? [] : lint(policy, config, systemClock.nowMs());
  const mistakes = [...files.mistakes, ...linted].toSorted(byPlace);
  io.out(print(mistakes, files, options.format, io));
  const isBad = mistakes.some(({ severity }) => severity === 'error' || options.strict);
  return isBad ? EXIT_INVALID : 0;
}

function readOptions(argv: readonly string[], io: Io): Options | null {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        config: { type: 'string', short: 'c', default: DEFAULT_CONFIG },
        format: { type: 'string' },
        json: { type: 'boolean', default: false },
        strict: { type: 'boolean', default: false },
      },
      strict: true,
      allowPositionals: false,
    });
    const asked = values.format ?? (values.json ? 'json' : 'text');
    const format = FORMATS.find((known) => known === asked);
    if (format === undefined) throw new Error(`there is no format '${asked}'`);
    if (values.json && format !== 'json') throw new Error(`--json is not --format ${format}: choose one`);
    return { config: values.config, format, strict: values.strict };
  } catch (thrown) {
    io.err(`pinwarden: ${thrown instanceof Error ? thrown.message : String(thrown)}\n${USAGE}`);
    return null;
  }
}

function print(mistakes: readonly Mistake[], files: Files, format: Format, io: Io): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(asJson(mistakes, files, io))}\n`;
    case 'github':
      return mistakes.map((mistake) => annotation(mistake, io.cwd)).join('');
    case 'text':
      return asText(mistakes, files, io);
  }
}

function asJson(mistakes: readonly Mistake[], files: Files, io: Io): object {
  return {
    ok: !mistakes.some(({ severity }) => severity === 'error'),
    sha256: files.policy?.sha256 ?? null,
    rules: files.policy?.rules.length ?? null,
    mistakes: mistakes.map(({ place, severity, message, hint }) => {
      return { ...shortPlace(place, io.cwd), severity, message, hint: hint ?? null };
    }),
  };
}

/** A workflow command; its escapes keep a message from a file from becoming another command. */
function annotation({ place, severity, message, hint }: Mistake, cwd: string): string {
  const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const at = `file=${property(shorten(place.file, cwd))},line=${place.line},col=${place.column}`;
  return `::${severity} ${at}::${data(hint === undefined ? message : `${message} → ${hint}`)}\n`;
}

function asText(mistakes: readonly Mistake[], files: Files, io: Io): string {
  const useColour = io.isTty && (io.env['NO_COLOR'] ?? '') === '';
  const paint = (colour: 'red' | 'yellow' | 'green', text: string): string =>
    useColour ? styleText(colour, text, { validateStream: false }) : text;
  const blocks = mistakes.map((mistake) => {
    const text = files.texts.get(mistake.place.file) ?? null;
    const printed = printMistake({ ...mistake, place: shortPlace(mistake.place, io.cwd) }, text);
    return `${printed.replace(`${mistake.severity}:`, paint(mistake.severity === 'error' ? 'red' : 'yellow', `${mistake.severity}:`))}\n\n`;
  });
  const errors = mistakes.filter(({ severity }) => severity === 'error').length;
  const warnings = mistakes.length - errors;
  const counts = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`;
  const { policy } = files;
  const last =
    errors > 0 || policy === null
      ? `${paint('red', 'invalid')}: ${counts}. Correct them and run check again; the proxy keeps its last good files.`
      : `${paint('green', 'ok')}: ${plural(policy.rules.length, 'rule')} in ${plural(files.policyFiles, 'policy file')}, ` +
        `${counts}, generation ${policy.sha256.slice(0, 12)}`;
  return `${blocks.join('')}${last}\n`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
