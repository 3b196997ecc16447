/**
 * The compiled policy: frozen values that the data plane reads. The YAML shape is another type (schema.ts); compile.ts
 * turns one into the other. Rules carry their place so that every answer can say which line decided.
 */
import type { OptionalCheck, Requirement } from '../model/outcome.ts';
import type { CipherPolicy, TlsVersion } from '../model/tls.ts';
import type { PatternTable } from './table.ts';

/** Where something was written; 1-based. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The file as a whole, which may not be there: the line is the first only for those who need one. */
  readonly isWholeFile?: true;
}

export type Mode = 'terminate' | 'preflight' | 'bypass';
export type OnFailure = 'block' | 'alert';

/** Which certificates of the path a pin may match: the end-entity, any issuer including the anchor, or both. */
export type PinScope = 'leaf' | 'ca' | 'any';

export interface Pin {
  /** base64 of the SHA-256 of the SPKI, with padding: 44 characters. */
  readonly spkiSha256: string;
  readonly scope: PinScope;
  readonly name: string | null;
  readonly backup: boolean;
  /** Group that the pin came from, null when written in the rule. */
  readonly group: string | null;
  /** Milliseconds since the epoch, 00:00 UTC of `expires`; null: never. */
  readonly expiresMs: number | null;
  readonly onExpiry: 'alert' | 'block';
  readonly place: Place;
}

/** `public`, `system`, or the files that replace them. */
export type AnchorsChoice = 'public' | 'system' | AnchorFiles;

export interface AnchorFiles {
  readonly files: readonly string[];
  /** Where each was named; absent: in no file. */
  readonly places?: readonly Place[];
}

/** Name under which a trust snapshot holds the anchor set of a choice. */
export function anchorsKey(choice: AnchorsChoice): string {
  return typeof choice === 'string' ? choice : `files:${choice.files.join('\n')}`;
}

export interface HostPattern {
  /** `exact`, `one` (`*.x`: exactly one label), `deep` (`**.x`: one or more labels). */
  readonly kind: 'exact' | 'one' | 'deep';
  /** Canonical host or parent domain, without the stars. */
  readonly host: string;
  /** null: every egress port. */
  readonly port: number | null;
  /** As written. */
  readonly text: string;
  readonly place: Place;
}

/** Lowers the floor for one rule: invalid upstreams are alerted, not blocked. Metered and printed at start. */
export interface UnsafeFloor {
  readonly action: 'alert';
  readonly reason: string;
  readonly untilMs: number;
}

/** Lowers the TLS floor for one rule and nothing else; ends by itself. Metered and printed at start. */
export interface UnsafeTls {
  /** Never above what `tls` of any rule asks for. */
  readonly minVersion: Exclude<TlsVersion, '1.3'>;
  readonly ciphers: CipherPolicy;
  readonly reason: string;
  readonly untilMs: number;
}

/** True until the exception ends. `nowMs`: milliseconds since the epoch. */
export function isInForce<E extends UnsafeFloor | UnsafeTls>(exception: E | null, nowMs: number): exception is E {
  return exception !== null && nowMs < exception.untilMs;
}

export interface Rule {
  readonly name: string;
  readonly owner: string | null;
  readonly place: Place;
  readonly match: readonly HostPattern[];
  readonly except: readonly HostPattern[];
  /** Names of client groups; empty: all clients. */
  readonly clients: readonly string[];
  readonly mode: Mode;
  /** Why this host is not judged; always there for bypass. */
  readonly reason: string | null;
  readonly onFailure: OnFailure;
  readonly pins: { readonly anyOf: readonly Pin[]; readonly noneOf: readonly Pin[] };
  readonly checks: Readonly<Record<OptionalCheck, Requirement>>;
  /** OIDs in dotted decimal, in the terms of the anchor; one must hold for the path. Empty: none is asked for. */
  readonly certificatePolicies: readonly string[];
  readonly anchors: AnchorsChoice;
  readonly plaintext: 'block' | 'allow';
  /** CIDRs this rule may dial although private. */
  readonly allowPrivate: readonly string[];
  readonly metricsGroup: string;
  readonly unsafeFloor: UnsafeFloor | null;
  /** What an upstream must speak at least. What holds at a moment: `tlsFloorOf` in verify/floor.ts. */
  readonly tls: { readonly minVersion: TlsVersion };
  readonly unsafeTls: UnsafeTls | null;
  /** Whether the 200 is sent after the verdict (the default) or only after the client's hello was seen. */
  readonly answer: 'before-hello' | 'after-hello';
  /** Place of each effective field, for explain: field path → place. */
  readonly origins: Readonly<Record<string, Place>>;
}

/** What answers when no rule matches: a rule called `unmatched`, or a refusal. */
export type Unmatched = { readonly action: 'judge'; readonly rule: Rule } | { readonly action: 'deny' };

/** Rules under one pattern: at most one for all clients, at most one for each client group. */
export interface Slot {
  readonly forAll: Entry | null;
  readonly byClient: ReadonlyMap<string, Entry> | null;
}

/** A rule as one of its patterns leads to it. */
export interface Entry {
  readonly rule: Rule;
  readonly pattern: HostPattern;
}

/** Allows one rule to become weaker than in the generation before; ends by itself. */
export interface Weakens {
  readonly rule: string;
  readonly reason: string;
  readonly untilMs: number;
  readonly owner: string | null;
  readonly place: Place;
}

/** The compiled policy of one generation. Its name is not its own: runtime/generation-name.ts. */
export interface Policy {
  /** In the order of files and lines. */
  readonly rules: readonly Rule[];
  readonly byName: ReadonlyMap<string, Rule>;
  readonly unmatched: Unmatched;
  /** `anchors:` of the configuration, for rules that name none; null: the default. */
  readonly anchorsPlace: Place | null;
  readonly table: PatternTable<Slot>;
  /** Rules with `except:` → table of what they leave out. */
  readonly excepts: ReadonlyMap<Rule, PatternTable<true>>;
  /** `clients:` of the configuration. */
  readonly clients: readonly { readonly name: string; readonly ranges: readonly string[] }[];
  /** Names of client groups → position in `clients:`; the lower one wins when a client is in several. */
  readonly clientOrder: ReadonlyMap<string, number>;
  readonly weakens: readonly Weakens[];
}
