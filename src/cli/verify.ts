/**
 * `verify`: judges a chain offline with the very code of the proxy.
 *
 *   verify --host NAME --chain FILE.pem [--anchors FILE.pem] [--at TIME] [--staple FILE] [--crl FILE]…
 *          [--log-list FILE] [--rule FILE.yaml] [--json]
 *   verify --batch        JSON lines on standard input (verify-batch.ts)
 *
 * Without --rule: block on every failure, nothing asked above the floor but what the options bring: a staple or CRL
 * that is given is judged. Without --anchors: the public set. --rule: a policy file or one rule (rule-file.ts).
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../host/clock.ts';
import { FileError, listDirectory, readBytes, readText } from '../host/files.ts';
import type { Authority } from '../model/authority.ts';
import { MAX_CRL_BYTES } from '../pki/crl/parse.ts';
import { MAX_LOG_LIST_BYTES, parseLogList } from '../pki/ct/log-list.ts';
import { MAX_OCSP_BYTES } from '../pki/ocsp/response.ts';
import { MAX_PEM_CHARACTERS, parsePemBlocks } from '../pki/x509/pem.ts';
import { loadGroups } from '../policy/load.ts';
import type { PinGroups } from '../policy/pin-groups.ts';
import type { Rule } from '../policy/policy.ts';
import { MAX_FILE_BYTES } from '../policy/yaml.ts';
import { parsePublicAnchors } from '../runtime/trust-loader.ts';
import type { Io } from './io.ts';
import { readMoment } from './moment.ts';
import { type Bench, type Case, createBench, judgeOffline, readAnchors, readHost } from './offline.ts';
import { FLOOR_ONLY, ruleOfValue } from './plain-rule.ts';
import { type ChosenRule, chooseRule } from './rule-file.ts';
import { CommandError, readArguments, UsageError, withUsage } from './usage.ts';
import { printed, runBatch } from './verify-batch.ts';
import { verifyScreen } from './verify-screen.ts';

const EXIT_ALLOW = 0;
const EXIT_BLOCK = 1;

/** Relative to this file, both under src/ and under dist/. */
const PUBLIC_ANCHORS_FILE = fileURLToPath(new URL('../../config/anchors/public.json', import.meta.url));
const GROUPS_DIRECTORY = fileURLToPath(new URL('../../config/groups', import.meta.url));

const OPTIONS = {
  host: { type: 'string' },
  chain: { type: 'string' },
  anchors: { type: 'string' },
  at: { type: 'string' },
  staple: { type: 'string' },
  crl: { type: 'string', multiple: true },
  'log-list': { type: 'string' },
  rule: { type: 'string' },
  json: { type: 'boolean' },
  batch: { type: 'boolean' },
} as const;

interface Options {
  readonly host?: string;
  readonly chain?: string;
  readonly anchors?: string;
  readonly at?: string;
  readonly staple?: string;
  readonly crl?: readonly string[];
  readonly 'log-list'?: string;
  readonly rule?: string;
  readonly json?: boolean;
  readonly batch?: boolean;
}

/** @returns 0 allow or alert, 1 block or nothing to judge (standard output is empty then), 2 wrong usage; 0 for a batch. */
export async function runVerify(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('verify', io, async () => {
    try {
      return await verify(readOptions(argv), io);
    } catch (thrown) {
      if (!(thrown instanceof FileError)) throw thrown;
      throw unusable(thrown.message, 'name a file that is there and may be read');
    }
  });
}

async function verify(options: Options, io: Io): Promise<number> {
  const bench = createBench(parsePublicAnchors(readText(PUBLIC_ANCHORS_FILE, MAX_PEM_CHARACTERS)).set);
  const groups = shippedGroups();
  if (options.batch === true) return runBatch({ io, bench, groups, nowMs: systemClock.nowMs() });
  const one = readCase(options, io.cwd, bench, groups);
  const answer = judgeOffline(one, bench);
  io.out(
    options.json === true
      ? `${JSON.stringify(printed(one.authority.host, answer))}\n`
      : verifyScreen(one, answer, one.origin),
  );
  return answer.verdict.kind === 'permit' ? EXIT_ALLOW : EXIT_BLOCK;
}

function readOptions(argv: readonly string[]): Options {
  const { values: options, positionals } = readArguments(argv, OPTIONS);
  if (positionals.length > 0) throw new UsageError('takes no names: --host NAME and --chain FILE.pem');
  const others = Object.keys(options).filter((key) => key !== 'batch');
  if (options.batch === true && others.length > 0) throw new UsageError('--batch takes everything from its lines');
  if (options.batch !== true && (options.host === undefined || options.chain === undefined)) {
    throw new UsageError('--host NAME and --chain FILE.pem are needed, or --batch');
  }
  return options;
}

/** What was asked cannot be judged, which is no verdict. */
function unusable(message: string, next: string): CommandError {
  return new CommandError(message, next);
}

type AskedCase = Case & Pick<ChosenRule, 'origin'>;

function readCase(options: Options, cwd: string, bench: Bench, groups: PinGroups): AskedCase {
  const authority = readHost(options.host ?? '');
  if (authority === null) throw new UsageError(`--host: ${JSON.stringify(options.host)} is no name and no IP address`);
  const atMs = options.at === undefined ? systemClock.nowMs() : readMoment(options.at);
  if (atMs === null) throw new UsageError('--at: expected an ISO 8601 time with a zone, such as 2026-06-15T12:00:00Z');
  const file = (name: string): string => resolve(cwd, name);
  const chain = readBlocks(file(options.chain ?? ''), 'CERTIFICATE', MAX_PEM_CHARACTERS);
  const given =
    options.anchors === undefined ? null : readBlocks(file(options.anchors), 'CERTIFICATE', MAX_PEM_CHARACTERS);
  const anchors = given === null ? null : readAnchors(given, bench);
  if (anchors !== null && anchors.malformed > 0) {
    throw unusable('--anchors: one of the certificates is malformed', 'leave it out or replace it');
  }
  const { rule, origin } = readRule(options, cwd, authority, groups);
  if (anchors === null && rule.anchors !== 'public')
    throw unusable('the rule has anchors, which are files of the proxy', 'give them by --anchors FILE.pem');
  return {
    authority,
    chain,
    anchors: anchors?.set ?? null,
    malformedAnchors: 0,
    anchorsArePublic: false,
    atMs,
    staple: options.staple === undefined ? null : readBytes(file(options.staple), MAX_OCSP_BYTES),
    crls: (options.crl ?? []).flatMap((name) => readBlocks(file(name), 'X509 CRL', MAX_CRL_BYTES)),
    logList: options['log-list'] === undefined ? null : readList(file(options['log-list'])),
    rule,
    origin,
  };
}

/** The blocks of a PEM file with this label, or the whole file when it is DER. */
function readBlocks(file: string, label: string, maxBytes: number): readonly Buffer[] {
  const bytes = readBytes(file, maxBytes);
  if (!bytes.includes('-----BEGIN ')) return [bytes];
  const blocks = parsePemBlocks(bytes.toString('latin1'));
  if (!blocks.ok) throw unusable(`${file}: ${blocks.why}`, 'give PEM as it was written, whole');
  const wanted = blocks.value.filter((block) => block.label === label).map((block) => block.bytes);
  if (wanted.length === 0) throw unusable(`${file}: no ${label} in it`, 'name the file that holds it');
  return wanted;
}

function readRule(options: Options, cwd: string, authority: Authority, groups: PinGroups): ChosenRule {
  if (options.rule === undefined) return { rule: defaultRule(options, groups), origin: null };
  const file = resolve(cwd, options.rule);
  return chooseRule({ text: readText(file, MAX_FILE_BYTES), file, cwd, authority, groups });
}

/** Nothing above the floor, except that what was handed in is judged. */
function defaultRule(options: Options, groups: PinGroups): Rule {
  const asked = {
    ...(options.staple === undefined ? {} : { staple: 'require' }),
    ...(options.crl === undefined ? {} : { crl: 'require' }),
    ...(options['log-list'] === undefined ? {} : { ct: 'require' }),
  };
  const checks = { ...(FLOOR_ONLY['checks'] as object), ...asked };
  const loaded = ruleOfValue({ ...FLOOR_ONLY, checks }, 'verify', groups);
  if (!loaded.ok)
    throw unusable(loaded.mistakes.map((one) => one.message).join('; '), 'correct the files in config/groups');
  return loaded.value;
}

function readList(file: string): NonNullable<Case['logList']> {
  const parsed = parseLogList(readBytes(file, MAX_LOG_LIST_BYTES));
  if (!parsed.ok) throw unusable(`${file}: ${parsed.why}`, 'give a log list in JSON format v3');
  return parsed.value;
}

/** The pin groups that ship with the product; none when the folder is absent. */
function shippedGroups(): PinGroups {
  const names = listDirectory(GROUPS_DIRECTORY) ?? [];
  const files = names
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => resolve(GROUPS_DIRECTORY, name))
    .map((file) => ({ file, text: readText(file, MAX_FILE_BYTES) }));
  const loaded = loadGroups(files);
  return loaded.ok ? loaded.value : new Map();
}
