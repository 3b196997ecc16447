/** What `run` prints when everything serves: what was proven, what is true now, and what to type next. Pure. */
import { relative } from 'node:path';
import { printTlsFloor } from '../model/tls.ts';
import type { Config, ListenAddress } from '../policy/config.ts';
import type { Policy, Rule } from '../policy/policy.ts';
import { printListen } from '../runtime/bind.ts';

export interface FirstScreen {
  readonly version: string;
  readonly config: Config;
  readonly policy: Policy;
  readonly generation: number;
  readonly workers: number;
  readonly cwd: string;
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
export function firstScreenJson({ config, policy, ca, ...screen }: FirstScreen): object {
  const { unmatched } = policy;
  const unsafe = policy.rules.filter((rule) => unsafeTexts(rule).length > 0).map(({ name }) => name);
  return {
    version: screen.version,
    workers: screen.workers,
    generation: screen.generation,
    selfTest: screen.selfTest,
    proxy: screen.listening,
    ca: { ...ca, notAfter: new Date(ca.notAfterMs).toISOString(), notAfterMs: undefined },
    rules: { ...countRules(policy), unsafe },
    unmatched: unmatched.action === 'deny' ? 'deny' : unmatched.rule.onFailure,
    statusPage: screen.metrics === null ? null : `http://${screen.metrics}/`,
    metrics: screen.metrics === null ? null : `http://${screen.metrics}/metrics`,
    audit: config.audit.file,
    admin: config.admin === null ? null : 'unix' in config.admin ? config.admin.unix : adminUrl(config.admin),
  };
}

export function printFirstScreen(screen: FirstScreen): string {
  const { config, ca, selfTest, listening, metrics, cwd, command } = screen;
  const caFile = nearer(cwd, ca.file);
  const proxy = listening[0] ?? '';
  const lines = [
    `pinwarden ${screen.version}: ${plural(screen.workers, 'worker')}, generation ${screen.generation}`,
    '',
    ...(selfTest.ok
      ? [`self-test   a rogue endpoint was blocked (${selfTest.code})`]
      : [`self-test   FAILED: ${selfTest.why}`, `            next: ${command} doctor`]),
    `proxy       ${listening.join(', ')}`,
    `CA          ${caFile}  valid to ${day(ca.notAfterMs)}`,
    `            SHA-256 ${fingerprint(ca.sha256)}`,
    ca.created
      ? '            made just now: nothing trusts it yet; give it to the clients of the proxy and to nobody else'
      : '            clients of the proxy must trust it; nothing else should',
    ...policyLines(config, screen.policy),
    `status page ${metrics === null ? 'off, with the metrics' : `http://${metrics}/  (also /metrics /healthz /readyz /version)`}`,
    `audit       ${nearer(cwd, config.audit.file)}  (${command} why EVENT)`,
    ...(config.admin === null ? [] : [`admin       ${adminText(cwd, config.admin)}  (${command} watch)`]),
    '',
    'try it:',
    `  curl -x http://${proxy} --cacert ${caFile} https://example.com/`,
    'next, see the chain of a host of yours and get a rule for it:',
    `  ${command} probe YOUR-HOST`,
    'no network at hand:',
    command === IN_CLONE ? '  npm run demo' : `  ${command} demo`,
    '',
  ];
  return lines.join('\n');
}

function policyLines(config: Config, policy: Policy): readonly string[] {
  const { block, alert, bypass } = countRules(policy);
  const counts = [`${block} block`, `${alert} alert`, ...(bypass > 0 ? [`${bypass} bypass`] : [])];
  return [
    `rules       ${policy.rules.length}: ${counts.join(', ')}`,
    `            always blocked: no path to ${anchorsText(config)}, a wrong name, a proven revocation, a denied key`,
    `            ${unmatchedText(policy)}`,
    ...policy.rules.flatMap(unsafeTexts),
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

function unsafeTexts({ name, unsafeFloor, unsafeTls }: Rule): readonly string[] {
  const line = (does: string, { untilMs, reason }: { readonly untilMs: number; readonly reason: string }): string =>
    `UNSAFE      rule ${name} ${does} until ${day(untilMs)}: ${reason}`;
  return [
    ...(unsafeFloor === null ? [] : [line('lets invalid upstreams through', unsafeFloor)]),
    ...(unsafeTls === null ? [] : [line(`accepts ${printTlsFloor(unsafeTls)},`, unsafeTls)]),
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

function fingerprint(sha256: string): string {
  return (sha256.toUpperCase().match(/../g) ?? []).join(':');
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
