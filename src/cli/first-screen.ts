/** What `run` prints when everything serves: what was proven, what is true now, and what to type next. Pure. */
import { relative } from 'node:path';
import { printTlsFloor } from '../model/tls.ts';
import type { Config, ListenAddress } from '../policy/config.ts';
import { isInForce, type Policy, type Rule } from '../policy/policy.ts';
import { printListen } from '../runtime/bind.ts';
import { configOption } from './next-command.ts';
import type { Screen } from './screen.ts';

export interface FirstScreen {
  readonly version: string;
  /** When it is printed: an exception that has ended is none. */
  readonly nowMs: number;
  readonly config: Config;
  readonly policy: Policy;
  readonly generation: number;
  readonly workers: number;
  readonly cwd: string;
  /** Only its width is used: what is printed goes into logs too. */
  readonly screen: Pick<Screen, 'textWidth' | 'wrap'>;
  /** How the commands are called here: `npx --no pinwarden` in a clone. */
  readonly command: string;
  /** Real addresses, `host:port`. */
  readonly listening: readonly string[];
  /** `host:port`; null: off. */
  readonly metrics: string | null;
  readonly selfTest: { readonly ok: true; readonly code: string } | { readonly ok: false; readonly why: string };
  readonly ca: {
    readonly file: string;
    /** SHA-256 of the certificate, hex. */
    readonly sha256: string;
    readonly notAfterMs: number;
    readonly created: boolean;
  };
}

/** The spelling of the README. */
export const IN_CLONE = 'npx --no pinwarden';

/** The same for programs: one object, whose keys stay. */
export function firstScreenJson({ config, policy, ca, nowMs, ...first }: FirstScreen): object {
  const { unmatched } = policy;
  const unsafe = policy.rules.filter((rule) => unsafeTexts(rule, nowMs).length > 0).map(({ name }) => name);
  return {
    version: first.version,
    workers: first.workers,
    generation: first.generation,
    selfTest: first.selfTest,
    proxy: first.listening,
    ca: { ...ca, notAfter: new Date(ca.notAfterMs).toISOString(), notAfterMs: undefined },
    rules: { ...countRules(policy), unsafe },
    unmatched: unmatched.action === 'deny' ? 'deny' : unmatched.rule.onFailure,
    statusPage: first.metrics === null ? null : `http://${first.metrics}/`,
    metrics: first.metrics === null ? null : `http://${first.metrics}/metrics`,
    audit: config.audit.file,
    admin: config.admin === null ? null : 'unix' in config.admin ? config.admin.unix : adminUrl(config.admin),
  };
}

const NAME_WIDTH = 12;

export function printFirstScreen(first: FirstScreen): string {
  const { config, ca, selfTest, listening, metrics, cwd, command, screen } = first;
  const option = configOption(config.file, cwd);
  const caFile = nearer(cwd, ca.file);
  const proxy = listening[0] ?? '';
  const field = (name: string, text: string): readonly string[] => screen.wrap(name.padEnd(NAME_WIDTH), text);
  const trust = ca.created
    ? 'made just now: nothing trusts it yet; give it to the clients of the proxy and to nobody else'
    : 'clients of the proxy must trust it; nothing else should';
  const lines = [
    `pinwarden ${first.version}: ${plural(first.workers, 'worker')}, generation ${first.generation}`,
    '',
    ...(selfTest.ok
      ? field('self-test', `a rogue endpoint was blocked (${selfTest.code})`)
      : [...field('self-test', `FAILED: ${selfTest.why}`), ...field('', `next: ${command} doctor${option}`)]),
    ...field('proxy', listening.join(', ')),
    ...field('CA', `${caFile}  valid to ${day(ca.notAfterMs)}`),
    ...fingerprint(ca.sha256, screen.textWidth - NAME_WIDTH).flatMap((part) => field('', part)),
    ...field('', trust),
    ...policyLines(first, field),
    ...field('status page', metrics === null ? 'off, with the metrics' : `http://${metrics}/`),
    ...(metrics === null ? [] : field('', 'also /metrics /healthz /readyz /version')),
    ...field('audit', `${nearer(cwd, config.audit.file)}  (${command} why EVENT${option})`),
    ...(config.admin === null ? [] : field('admin', `${adminText(cwd, config.admin)}  (${command} watch${option})`)),
    '',
    'try it:',
    `  curl -i -x http://${proxy} --cacert ${caFile} https://example.com/`,
    'next, see the chain of a host of yours and get a rule for it:',
    `  ${command} probe YOUR-HOST${option}`,
    'no network at hand:',
    command === IN_CLONE ? '  npm run demo' : `  ${command} demo`,
    '',
  ];
  return lines.join('\n');
}

type Field = (name: string, text: string) => readonly string[];

function policyLines({ config, policy, nowMs }: FirstScreen, field: Field): readonly string[] {
  const { block, alert, bypass } = countRules(policy);
  const counts = [`${block} block`, `${alert} alert`, ...(bypass > 0 ? [`${bypass} bypass`] : [])];
  const floor = `no path to ${anchorsText(config)}, a wrong name, a proven revocation, a denied key`;
  return [
    ...field('rules', `${policy.rules.length}: ${counts.join(', ')}`),
    ...field('', `always blocked: ${floor}`),
    ...field('', unmatchedText(policy)),
    ...policy.rules.flatMap((rule) => unsafeTexts(rule, nowMs)).flatMap((text) => field('UNSAFE', text)),
  ];
}

function countRules({ rules }: Policy): Readonly<Record<'block' | 'alert' | 'bypass', number>> {
  const judged = rules.filter(({ mode }) => mode !== 'bypass');
  const block = judged.filter(({ onFailure }) => onFailure === 'block').length;
  return { block, alert: judged.length - block, bypass: rules.length - judged.length };
}

function anchorsText({ anchors }: Config): string {
  if (anchors === 'public') return 'a public root';
  return anchors === 'system' ? "a root of the system's store" : 'a root of the configured files';
}

function unmatchedText({ unmatched }: Policy): string {
  if (unmatched.action === 'deny') return 'hosts that no rule names: denied';
  const { mode, onFailure } = unmatched.rule;
  return `hosts that no rule names: ${mode}, failures ${onFailure}`;
}

/** Of the exceptions that are in force. */
function unsafeTexts({ name, unsafeFloor, unsafeTls }: Rule, nowMs: number): readonly string[] {
  const text = (does: string, { untilMs, reason }: { readonly untilMs: number; readonly reason: string }): string =>
    `rule ${name} ${does} until ${day(untilMs)}: ${reason}`;
  return [
    ...(isInForce(unsafeFloor, nowMs) ? [text('lets invalid upstreams through', unsafeFloor)] : []),
    ...(isInForce(unsafeTls, nowMs) ? [text(`accepts ${printTlsFloor(unsafeTls)},`, unsafeTls)] : []),
  ];
}

function adminText(cwd: string, admin: NonNullable<Config['admin']>): string {
  return 'unix' in admin ? nearer(cwd, admin.unix) : adminUrl(admin);
}

function adminUrl(admin: ListenAddress): string {
  return `http://${printListen(admin)}`;
}

/** The shorter of the absolute and the relative name. */
function nearer(cwd: string, file: string): string {
  const short = relative(cwd, file);
  return short.length < file.length && !short.startsWith('..') ? short : file;
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/** On one line, or on two halves where it is too long. */
function fingerprint(sha256: string, columns: number): readonly string[] {
  const bytes = sha256.toUpperCase().match(/../g) ?? [];
  const whole = bytes.join(':');
  if (`SHA-256 ${whole}`.length <= columns) return [`SHA-256 ${whole}`];
  return ['SHA-256', bytes.slice(0, 16).join(':'), bytes.slice(16).join(':')];
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
