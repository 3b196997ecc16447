/**
 * `ca trust` and `ca untrust`: the CA into the trust stores of this machine, and out again.
 *
 * Does: what mkcert does for its CA: system, NSS (Firefox, Chromium) and Java; all that exist, or those that
 * TRUST_STORES names. A store that has what is asked for is left alone.
 * Does not: gain rights, or trust the CA for anything but TLS servers where a store can tell.
 */
import { clip } from '../model/text.ts';
import type { Config } from '../policy/config.ts';
import type { CaCertificate } from './installation.ts';
import { readCaCertificates } from './installation.ts';
import type { Io } from './io.ts';
import { evalOf, type Typed, typedFor } from './next-command.ts';
import { createScreen } from './screen.ts';
import { findStores, readStoreKinds } from './stores/all.ts';
import { carryOut, createMachine, type Machine, printStep, type Step } from './stores/machine.ts';
import type { Store, StoreKind, TrustedCa } from './stores/store.ts';
import { CommandError, EXIT_NO, EXIT_OK, UsageError } from './usage.ts';

export type Direction = 'trust' | 'untrust';

interface Done {
  readonly store: string;
  readonly where: string;
  readonly slot: CaCertificate['slot'];
  readonly is: 'done' | 'would' | 'already' | 'failed';
  readonly why: string | null;
  readonly steps: readonly string[];
}

/** Stores that TRUST_STORES allows. @throws UsageError */
export function storesOf(machine: Machine): readonly Store[] {
  return findStores(kindsOf(machine), machine);
}

function kindsOf({ env }: Machine): readonly StoreKind[] {
  const kinds = readStoreKinds(env['TRUST_STORES']);
  if (kinds !== null) return kinds;
  const said = clip(env['TRUST_STORES'] ?? '');
  throw new UsageError(`TRUST_STORES is "${said}": system, nss and java, with commas between them`);
}

/** A fresh account has no NSS database, and only who looks for one knows how it is made. */
const MAKE_NSS = 'mkdir -p ~/.pki/nssdb && certutil -N -d sql:$HOME/.pki/nssdb --empty-password';

/** Of a kind that was asked for and that this machine has no store of. */
const ABSENT: Readonly<Record<StoreKind, string>> = {
  system: 'no directory for CAs of administrators that is known',
  nss: `no database of Chromium or Firefox in your home; to make one: ${MAKE_NSS}`,
  java: 'no keytool of a JDK or JRE',
};

export function trustedCa({ file, pem, certificate }: CaCertificate): TrustedCa {
  return { file, pem, sha256: certificate.der.sha256 };
}

/** @returns 0 done in every store, 1 not in all. @throws CommandError, UsageError */
export function changeTrust(
  direction: Direction,
  config: Config,
  options: { readonly dryRun: boolean; readonly json: boolean },
  io: Io,
): number {
  const typed = typedFor(config.file, io);
  const machine = createMachine(io.env);
  const stores = storesOf(machine);
  if (stores.length === 0) {
    throw noStores(machine, typed);
  }
  // The previous CA is only ever taken out.
  const cas = readCaCertificates(config, io).filter(({ slot }) => direction === 'untrust' || slot !== 'previous');
  const done = stores.flatMap((store) => cas.map((ca) => change(direction, store, ca, options.dryRun, machine)));
  const failed = done.some(({ is }) => is === 'failed');
  const absent = kindsOf(machine).filter((kind) => stores.every((store) => store.kind !== kind));
  io.out(options.json ? `${JSON.stringify({ done, absent })}\n` : screenText({ done, absent, direction, typed }, io));
  return failed ? EXIT_NO : EXIT_OK;
}

function noStores({ env }: Machine, typed: Typed): CommandError {
  const asked = (env['TRUST_STORES'] ?? '').trim();
  const among = asked === '' ? '' : ` for TRUST_STORES=${clip(asked)}`;
  const first = /nss/i.test(asked) ? `make a database that Chromium reads: ${MAKE_NSS}; or ` : '';
  return new CommandError(
    `no trust store that can be worked on was found${among}`,
    `${first}give the file of \`${typed('ca export')}\` to your clients, or use: ${evalOf(typed('env'))}`,
  );
}

function change(direction: Direction, store: Store, ca: CaCertificate, dryRun: boolean, machine: Machine): Done {
  const { kind, where, missing } = store;
  const result = { store: kind, where, slot: ca.slot, why: null, steps: [] };
  if (missing !== null) return { ...result, is: 'failed', why: missing };
  const trusted = trustedCa(ca);
  if (store.holds(trusted) === (direction === 'trust')) return { ...result, is: 'already' };
  const steps: readonly Step[] = direction === 'trust' ? store.install(trusted) : store.uninstall(trusted);
  const printed = steps.map(printStep);
  if (dryRun) return { ...result, is: 'would', steps: printed };
  const why = carryOut(steps, machine);
  return why === null ? { ...result, is: 'done', steps: printed } : { ...result, is: 'failed', why, steps: printed };
}

interface Outcome {
  readonly done: readonly Done[];
  readonly absent: readonly StoreKind[];
  readonly direction: Direction;
  readonly typed: Typed;
}

function screenText({ done, absent, direction, typed }: Outcome, io: Io): string {
  const screen = createScreen(io);
  const words = { done: 'done', would: 'would', already: 'already', failed: 'failed' } as const;
  const tones = { done: 'good', would: 'strong', already: 'quiet', failed: 'bad' } as const;
  const lines = done.flatMap(({ store, where, slot, is, why, steps }) => [
    `${screen.paint(tones[is], words[is].padEnd(8))} ${store.padEnd(7)} ${where}${slot === 'current' ? '' : ` (${slot} CA)`}`,
    ...(why === null ? [] : [`         ${screen.fit(why, screen.width - 9)}`]),
    ...(is === 'would' ? steps.map((step) => `         ${step}`) : []),
  ]);
  const others = absent.flatMap((kind) => screen.wrap(`${'absent'.padEnd(8)} ${kind.padEnd(7)} `, ABSENT[kind]));
  return `${[...lines, ...others].join('\n')}\n${lastLine(done, direction, typed)}`;
}

function lastLine(done: readonly Done[], direction: Direction, typed: Typed): string {
  if (done.some(({ is }) => is === 'failed'))
    return 'next: correct what failed and run it again; the rest is left as it is\n';
  if (done.every(({ is }) => is === 'would' || is === 'already')) return '';
  if (direction === 'untrust') return 'next: restart browsers and Java programs\n';
  return `next: restart browsers and Java programs; Node and Python need variables: ${evalOf(typed('env'))}\n`;
}
