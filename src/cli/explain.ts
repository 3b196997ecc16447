/**
 * `explain HOST[:PORT] [--client X] [--live] [-c FILE] [--json]`: which rule decides, why the others lost, where it is
 * written. `--live` asks the running proxy, whose generation may be another one than the files say.
 */
import { resolve } from 'node:path';
import { explain, printExplanation } from '../policy/explain.ts';
import { isPortOpen, lookup } from '../policy/lookup.ts';
import { printMistake, printPlace } from '../policy/mistakes.ts';
import { readQuestion } from '../policy/question.ts';
import { adminOf, askAdmin } from './admin-client.ts';
import { readInstallation } from './installation.ts';
import type { Io } from './io.ts';
import { DEFAULT_CONFIG, type Files, loadFiles, shortPlace } from './policy-files.ts';
import { EXIT_NO, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

const OPTIONS = {
  client: { type: 'string', multiple: true, default: [] as string[] },
  live: { type: 'boolean', default: false },
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIG },
  json: { type: 'boolean', default: false },
} as const;

interface Ask {
  readonly host: string;
  readonly clients: readonly string[];
  readonly config: string;
  readonly json: boolean;
}

/** @returns 0 explained (denied too), 1 when the files are invalid or no proxy answers, 2 for a wrong command line. */
export async function runExplain(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('explain', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    const [host, second] = positionals;
    if (host === undefined || second !== undefined) throw new UsageError('name one host');
    const ask = { host, clients: values.client, config: values.config, json: values.json };
    return values.live ? explainLive(ask, io) : explainFiles(ask, io);
  });
}

function explainFiles({ host, clients, config: file, json }: Ask, io: Io): number {
  // A host that is none is a wrong command line whatever the files hold.
  const bare = readQuestion(host, [], { clients: [] });
  if (!bare.ok) throw new UsageError(bare.why);
  const files = loadFiles(file, io);
  const { config, policy } = files;
  if (config === null || policy === null) return refuse(files, io);
  const question = readQuestion(host, clients, config);
  if (!question.ok) throw new UsageError(question.why);
  const explanation = explain(policy, question.authority, question.groups);
  const decision = lookup(policy, question.authority, question.groups);
  const portAllowed = isPortOpen(decision, question.authority, config.egress.ports);
  if (json) {
    io.out(`${JSON.stringify({ ...explanation, portAllowed })}\n`);
  } else {
    io.out(printExplanation(explanation, (place) => printPlace(shortPlace(place, io.cwd))));
    io.out(portAllowed ? '' : portNote(question.authority.port));
  }
  return EXIT_OK;
}

function refuse({ mistakes, texts }: Files, io: Io): number {
  for (const mistake of mistakes.filter(({ severity }) => severity === 'error')) {
    const text = texts.get(mistake.place.file) ?? null;
    io.err(`${printMistake({ ...mistake, place: shortPlace(mistake.place, io.cwd) }, text)}\n`);
  }
  io.err('pinwarden explain: the files are invalid\nnext: correct them, then run explain again\n');
  return EXIT_NO;
}

function portNote(port: number): string {
  return `\nport ${port} is refused (port.denied): add it to egress.ports, or to a pattern\n`;
}

async function explainLive({ host, clients, config, json }: Ask, io: Io): Promise<number> {
  const question = readQuestion(host, [], { clients: [] });
  if (!question.ok) throw new UsageError(question.why);
  const query = new URLSearchParams({ host, client: clients.join(',') });
  const answer = await askAdmin(adminOf(readInstallation(config, io), io), `/v1/explain?${query.toString()}`);
  const { text, generation, portAllowed } = answer;
  if (json) {
    io.out(`${JSON.stringify(answer)}\n`);
    return EXIT_OK;
  }
  // Places are written for a reader in this directory, as they are without --live.
  const said = typeof text === 'string' ? text.replaceAll(`${resolve(io.cwd)}/`, '') : '';
  io.out(`running: generation ${String(Number(generation))}\n${said}`);
  io.out(portAllowed === false ? portNote(question.authority.port) : '');
  return EXIT_OK;
}
