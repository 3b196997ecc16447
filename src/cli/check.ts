/** `check [-c FILE] [--format text|json|github] [--json] [--strict]`: every mistake of configuration and policies at once. */
import { systemClock } from '../host/clock.ts';
import { FileError } from '../host/files.ts';
import { lint } from '../policy/lint.ts';
import { byPlace, type Mistake, printMistake } from '../policy/mistakes.ts';
import { foreseenRefusals } from '../runtime/foreseen.ts';
import { nameGeneration } from '../runtime/generation-name.ts';
import { shippedGroups } from '../runtime/supervisor-start.ts';
import { anchorChoices, readTrustMaterial } from '../runtime/trust-files.ts';
import { trustMistakes } from '../runtime/trust-mistakes.ts';
import type { Io } from './io.ts';
import { DEFAULT_CONFIG, type Files, loadFiles, shorten, shortPlace } from './policy-files.ts';
import { createScreen, plural, type Screen } from './screen.ts';
import { EXIT_NO, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

const FORMATS = ['text', 'json', 'github'] as const;
type Format = (typeof FORMATS)[number];
const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIG },
  format: { type: 'string' },
  json: { type: 'boolean', default: false },
  strict: { type: 'boolean', default: false },
} as const;

/** @returns 0 ok, 1 invalid (with `--strict` also for warnings), 2 for a wrong command line. */
export async function runCheck(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('check', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    if (positionals.length > 0) throw new UsageError('takes no names: -c FILE names the configuration');
    const format = formatOf(values);
    const files = loadFiles(values.config, io);
    const mistakes = [...files.mistakes, ...trustOf(files), ...linted(files)].toSorted(byPlace);
    io.out(print(mistakes, files, { format, strict: values.strict, sha256: nameOf(files, mistakes) }, io));
    return mistakes.some(({ severity }) => severity === 'error' || values.strict) ? EXIT_NO : EXIT_OK;
  });
}

/** What a start would say of the files that are named. */
function trustOf({ config, policy, remains }: Files): readonly Mistake[] {
  const known = config ?? remains?.config ?? null;
  if (known === null) return [];
  const rules = policy ?? remains?.policy ?? null;
  return trustMistakes(known, rules === null ? [known.anchors] : anchorChoices(known, rules));
}

function linted({ config, policy, remains }: Files): readonly Mistake[] {
  const nowMs = systemClock.nowMs();
  if (config !== null && policy !== null) {
    return [...lint(policy, config, nowMs), ...foreseenRefusals(config, policy, shippedGroups(), nowMs)];
  }
  const left = remains?.policy ?? null;
  return remains === null || left === null ? [] : lint(left, remains.config, nowMs, remains.gaps);
}

/** As the log, the status page and `pinwarden_config_hash_info` will call it; null: nothing that could run. */
function nameOf({ config, policy, named }: Files, mistakes: readonly Mistake[]): string | null {
  if (config === null || policy === null || named === null) return null;
  if (mistakes.some(({ severity }) => severity === 'error')) return null;
  try {
    return nameGeneration(named, readTrustMaterial(config, policy, []));
  } catch (thrown) {
    if (thrown instanceof FileError) return null;
    throw thrown;
  }
}

function formatOf({ format, json }: { readonly format?: string | undefined; readonly json: boolean }): Format {
  const asked = format ?? (json ? 'json' : 'text');
  const known = FORMATS.find((one) => one === asked);
  if (known === undefined) throw new UsageError(`there is no format '${asked}': ${FORMATS.join(', ')}`);
  if (json && known !== 'json') throw new UsageError(`--json is not --format ${known}: choose one`);
  return known;
}

interface Style {
  readonly format: Format;
  readonly strict: boolean;
  readonly sha256: string | null;
}

function print(mistakes: readonly Mistake[], files: Files, style: Style, io: Io): string {
  switch (style.format) {
    case 'json':
      return `${JSON.stringify(asJson(mistakes, files, style, io))}\n`;
    case 'github':
      return mistakes.map((mistake) => annotation(mistake, io.cwd)).join('');
    case 'text':
      return asText(mistakes, files, style, io);
  }
}

function asJson(mistakes: readonly Mistake[], files: Files, { strict, sha256 }: Style, io: Io): object {
  return {
    ok: !mistakes.some(({ severity }) => severity === 'error' || strict),
    sha256,
    rules: files.policy?.rules.length ?? null,
    mistakes: mistakes.map(({ place, severity, message, hint }) => {
      const { file, line, column } = shortPlace(place, io.cwd);
      return { file, line, column, severity, message, hint: hint ?? null };
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

function asText(mistakes: readonly Mistake[], files: Files, { strict, sha256 }: Style, io: Io): string {
  const screen = createScreen(io);
  const paint: Screen['paint'] = (tone, text) => screen.paint(tone, text);
  const blocks = mistakes.map((mistake) => {
    const text = files.texts.get(mistake.place.file) ?? null;
    const printed = printMistake({ ...mistake, place: shortPlace(mistake.place, io.cwd) }, text);
    const wrapped = printed.replace(/^ {2}→ (.*)$/m, (_, hint: string) => screen.wrap('  → ', hint).join('\n'));
    return `${wrapped.replace(`${mistake.severity}:`, paint(mistake.severity === 'error' ? 'bad' : 'warn', `${mistake.severity}:`))}\n\n`;
  });
  const errors = mistakes.filter(({ severity }) => severity === 'error').length;
  const warnings = mistakes.length - errors;
  const counts = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`;
  const { policy } = files;
  const strictly = `${plural(warnings, 'warning')} ${warnings === 1 ? 'counts' : 'count'} under --strict`;
  const last =
    errors > 0 || policy === null
      ? `${paint('bad', 'invalid')}: ${counts}\nnext: correct them and run check again; the proxy keeps its last good files`
      : strict && warnings > 0
        ? `${paint('bad', 'not ok')}: ${strictly}\nnext: correct them, or leave --strict out`
        : `${paint('good', 'ok')}: ${plural(policy.rules.length, 'rule')} in ${plural(files.policyFiles, 'policy file')}, ` +
          `${counts}${sha256 === null ? '' : `, generation ${sha256.slice(0, 12)}`}`;
  return `${blocks.join('')}${last}\n`;
}
