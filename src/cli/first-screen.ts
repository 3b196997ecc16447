/** What `run` prints when everything serves: what was proven, what is true now, and what to type next. Pure. */
import { relative } from 'node:path';
import type { Config } from '../policy/config.ts';
import type { Policy, Rule } from '../policy/policy.ts';

export interface FirstScreen {
  readonly version: string;
  readonly config: Config;
  readonly policy: Policy;
  readonly generation: number;
  readonly workers: number;
  readonly cwd: string;
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

export function printFirstScreen(screen: FirstScreen): string {
  const { config, ca, selfTest, listening, metrics, cwd } = screen;
  const caFile = nearer(cwd, ca.file);
  const proxy = listening[0] ?? '';
  const lines = [
    `pinwarden ${screen.version}: ${plural(screen.workers, 'worker')}, generation ${screen.generation}`,
    '',
    selfTest.ok ? `self-test   a rogue endpoint was blocked (${selfTest.code})` : `self-test   FAILED: ${selfTest.why}`,
    `proxy       ${listening.join(', ')}`,
    `CA          ${caFile}  valid to ${day(ca.notAfterMs)}`,
    `            SHA-256 ${fingerprint(ca.sha256)}`,
    ca.created
      ? '            made just now: nothing trusts it yet; give it to the clients of the proxy and to nobody else'
      : '            clients of the proxy must trust it; nothing else should',
    ...policyLines(config, screen.policy),
    `metrics     ${metrics === null ? 'off' : `http://${metrics}/metrics  (also /healthz /readyz /version)`}`,
    `audit       ${nearer(cwd, config.audit.file)}  (pinwarden why EVENT, pinwarden events)`,
    ...(config.admin === null ? [] : [`admin       ${adminText(cwd, config.admin)}  (pinwarden watch)`]),
    '',
    'try it:',
    `  curl -x http://${proxy} --cacert ${caFile} https://example.com/`,
    'no network at hand:',
    '  npm run demo',
    '',
  ];
  return lines.join('\n');
}

function policyLines(config: Config, policy: Policy): readonly string[] {
  const blocking = policy.rules.filter((rule) => rule.onFailure === 'block' && rule.mode !== 'bypass').length;
  const alerting = policy.rules.filter((rule) => rule.onFailure === 'alert' && rule.mode !== 'bypass').length;
  const bypassing = policy.rules.filter((rule) => rule.mode === 'bypass').length;
  const counts = [`${blocking} block`, `${alerting} alert`, ...(bypassing > 0 ? [`${bypassing} bypass`] : [])];
  return [
    `rules       ${policy.rules.length}: ${counts.join(', ')}`,
    `            always blocked: no path to ${anchorsText(config)}, a wrong name, a proven revocation, a denied key`,
    `            ${unmatchedText(policy)}`,
    ...policy.rules.filter((rule) => rule.unsafeFloor !== null).map(unsafeText),
  ];
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

function unsafeText(rule: Rule): string {
  const until = rule.unsafeFloor === null ? '' : day(rule.unsafeFloor.untilMs);
  return `UNSAFE      rule ${rule.name} lets invalid upstreams through until ${until}: ${rule.unsafeFloor?.reason ?? ''}`;
}

function adminText(cwd: string, admin: NonNullable<Config['admin']>): string {
  return 'unix' in admin ? nearer(cwd, admin.unix) : `http://${admin.address}:${admin.port}`;
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
