/**
 * The compiled `pinwarden.yaml`: frozen, every path absolute, every default filled in. The YAML shape is in schema.ts.
 * Limits are per worker unless their comment says otherwise.
 */
import type { CtProfile } from '../pki/ct/quota.ts';
import type { AnchorsChoice, HostPattern, Place, Unmatched } from './policy.ts';

export interface ListenAddress {
  /** IPv4 or IPv6 literal, without brackets. */
  readonly address: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
}

/** The files of one CA. */
export interface CaFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** What lies between a subordinate CA and the root that clients trust; null: nothing does. */
  readonly chainFile: string | null;
}

export interface CaConfig extends CaFiles {
  /** `ifMissing` makes a CA on the first start; `never` refuses to start without one. */
  readonly create: 'ifMissing' | 'never';
  /** The CA that comes after this one, if its files are there. */
  readonly next: NextCaConfig;
  /** Certificate of the CA that was replaced last, as `ca rotate --promote` keeps it. */
  readonly previousCertificateFile: string;
}

export interface NextCaConfig extends CaFiles {
  /** From then on it signs, milliseconds since the epoch; null: it waits. */
  readonly signsFromMs: number | null;
}

export interface DnsConfig {
  /** `IP` or `IP:port` (`[IPv6]:port`); empty: the resolver of the system. */
  readonly servers: readonly string[];
  readonly timeoutMs: number;
}

/** A socket in the file system, or an address with the file of a token. */
export type AdminConfig = { readonly unix: string } | (ListenAddress & { readonly tokenFile: string });

export interface EgressConfig {
  /** Ports that clients may ask for, besides those that a pattern of a rule names. */
  readonly ports: readonly number[];
  /** Canonical host → addresses to dial instead of asking DNS. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  readonly dns: DnsConfig;
}

export interface ClientGroup {
  readonly name: string;
  /** `address/prefix`, checked. */
  readonly ranges: readonly string[];
}

/** One entry of `policies:`; a file, or a directory whose `*.yaml` and `*.yml` files count, sorted by name. */
export interface PolicyPath {
  readonly path: string;
  readonly owner: string | null;
  /** Patterns that every pattern of the owner's rules must lie in; null: no bounds. */
  readonly mayMatch: readonly HostPattern[] | null;
  readonly mayNot: readonly Forbidden[];
}

/** What an owner's files may be forbidden to say. */
export type Forbidden = 'bypass' | 'unsafe';

export interface Limits {
  readonly connections: number;
  readonly connectionsPerClient: number;
  /** Upstream handshakes under way or waiting for the client's hello, for one client. */
  readonly handshakesPerClient: number;
  readonly headTimeoutMs: number;
  readonly helloTimeoutMs: number;
  readonly dialTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly drainDelayMs: number;
  readonly drainTimeoutMs: number;
  /** Minted leaves kept ready. */
  readonly leaves: number;
}

export interface Config {
  /** Absolute path of the file that this was compiled from. */
  readonly file: string;
  readonly listen: readonly ListenAddress[];
  /** null: `metrics: off`. */
  readonly metrics: ListenAddress | null;
  /** The admin interface; null: none. */
  readonly admin: AdminConfig | null;
  readonly state: string;
  readonly ca: CaConfig;
  readonly anchors: AnchorsChoice;
  /** Where `anchors:` was written; null: nowhere. */
  readonly anchorsPlace: Place | null;
  /** Absolute path of each file with trust in it → where it was named. */
  readonly places: ReadonlyMap<string, Place>;
  readonly egress: EgressConfig;
  /** In the order of the file, which is their precedence when a client is in several. */
  readonly clients: readonly ClientGroup[];
  readonly unmatched: Unmatched;
  readonly audit: { readonly file: string; readonly onFull: 'block' | 'count' };
  readonly policies: readonly PolicyPath[];
  readonly limits: Limits;
  /** null: one per core. */
  readonly workers: number | null;
  /** PEM files that replace the public set that ships; null: they do not. */
  readonly publicAnchors: readonly string[] | null;
  /** PEM files with intermediates that may complete a path. */
  readonly intermediates: readonly string[];
  readonly aia: Fetching;
  readonly ct: CtConfig;
  /** CRL files, DER or PEM. */
  readonly crl: { readonly files: readonly string[]; readonly fetch: Fetching };
  readonly fetch: { readonly ports: readonly number[]; readonly allowPrivate: readonly string[] };
}

/** `background`: aside and for later connections; no handshake waits. */
export type Fetching = 'off' | 'background';

export interface CtConfig {
  /** CT log list in the v3 JSON format; null: CT is absent everywhere. */
  readonly logList: string | null;
  /** Public key (PEM) and detached signature of the list; null: it is taken unsigned. */
  readonly signed: { readonly keyFile: string; readonly signatureFile: string } | null;
  readonly profile: CtProfile;
  readonly maxListAgeMs: number;
}
