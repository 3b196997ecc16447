/**
 * What supervisor and worker say to each other (child_process IPC, structured clone): texts and bytes only. Each side
 * compiles them with the same pure functions, so no compiled value crosses the border.
 */
import type { Batch } from '../observe/outbox.ts';
import type { WorkerSnapshot } from '../observe/worker-metrics.ts';
import type { PolicySource, TextFile } from '../policy/load.ts';
import type { CtDemand } from '../verify/trust.ts';

/** The files of which a trust snapshot is built. */
export interface TrustMaterial {
  /** The frozen public set (config/anchors/public.json). */
  readonly publicAnchors: string;
  /** PEM of the system's trust store; null when there is none. */
  readonly systemAnchors: string | null;
  /** PEM files that replace the frozen set; absent: nothing does. */
  readonly publicAnchorFiles?: readonly TextFile[];
  /** Anchor files that rules or the configuration name. */
  readonly anchorFiles: readonly TextFile[];
  /** CT log list (v3 JSON); null: none. */
  readonly logList: string | null;
  /** Detached signature of the list and the PEM key that it must be by; absent: it is taken unsigned. */
  readonly logListSigned?: { readonly signature: Uint8Array; readonly publicKeyPem: string };
  /** Absent: Chrome's policy. */
  readonly ct?: CtDemand;
  /** CRL files, DER or PEM. */
  readonly crls: readonly { readonly file: string; readonly bytes: Uint8Array }[];
  /** PEM files with certificates that may complete a path. */
  readonly intermediates?: readonly TextFile[];
  /** PEM of the proxy's own CAs. */
  readonly ownCas: readonly string[];
}

/** Something that a certificate names and that may be fetched. */
export interface Wanted {
  readonly kind: 'crl' | 'issuer';
  /** `http://…`, as the certificate has it. */
  readonly url: string;
  /** DER: who must have signed the CRL, or whose issuer is looked for. */
  readonly certificate: Uint8Array;
}

/** What was fetched and accepted; beside the generation, because it changes by itself. */
export interface FetchedMaterial {
  readonly crls: readonly Uint8Array[];
  readonly issuers: readonly Uint8Array[];
}

/** Everything one generation is compiled from. */
export interface GenerationMaterial {
  readonly number: number;
  readonly sha256: string;
  readonly config: TextFile;
  readonly sources: readonly PolicySource[];
  readonly shippedGroups: readonly TextFile[];
  readonly trust: TrustMaterial;
  readonly ca: CaMaterial;
}

/** PEM texts that were verified to belong together. */
export interface CaPairMaterial {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** What is sent above it; empty: nothing. */
  readonly chainPem: string;
}

/** What leaves are signed with; it is part of a generation, so that no worker mixes two. */
export interface CaMaterial {
  readonly current: CaPairMaterial;
  /** Handed out, and signing from its time on (milliseconds since the epoch; null: it waits). */
  readonly next: (CaPairMaterial & { readonly signsFromMs: number | null }) | null;
}

export interface StartMessage {
  readonly kind: 'start';
  /** Number of the worker's slot, 1-based; stays when the process is replaced. */
  readonly worker: number;
  readonly material: GenerationMaterial;
  /** 48 bytes that all workers share, so that clients resume on any of them. */
  readonly ticketKeys: Uint8Array;
  /** Inherited descriptors of bound sockets, in the order of `listen:`. */
  readonly listenFds: readonly number[];
  /** Our own sockets, the metrics address among them: never dialled. */
  readonly own: readonly { readonly address: string; readonly port: number }[];
  /** Absent: nothing was fetched. */
  readonly fetched?: FetchedMaterial;
  /** Audit lines are wanted from the first one on. */
  readonly watched?: boolean;
}

export type ToWorker =
  | StartMessage
  | { readonly kind: 'generation'; readonly material: GenerationMaterial }
  | { readonly kind: 'fetched'; readonly material: FetchedMaterial }
  /** In place of those of the start. */
  | { readonly kind: 'ticket-keys'; readonly ticketKeys: Uint8Array }
  | { readonly kind: 'snapshot'; readonly id: number }
  | { readonly kind: 'reopen-audit' }
  /** Whether somebody watches events live. */
  | { readonly kind: 'watch'; readonly wanted: boolean }
  | { readonly kind: 'drain'; readonly timeoutMs: number };

export type FromWorker =
  | { readonly kind: 'ready' }
  /** The worker cannot serve and will exit. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'applied'; readonly generation: number }
  | { readonly kind: 'not-applied'; readonly generation: number; readonly message: string }
  | { readonly kind: 'snapshot'; readonly id: number; readonly snapshot: WorkerSnapshot }
  /** Seen in certificates; the supervisor decides what becomes of it. */
  | { readonly kind: 'wanted'; readonly items: readonly Wanted[] }
  /** Events for those who watch, and chains for the locker. */
  | { readonly kind: 'seen'; readonly batch: Batch }
  /** For the operator; the worker goes on. */
  | { readonly kind: 'complaint'; readonly message: string }
  /** Once a second: the event loop turns. `auditBlocked`: nothing can be recorded, so nothing is dialled. */
  | { readonly kind: 'beat'; readonly tunnels: number; readonly auditBlocked: boolean }
  | { readonly kind: 'drained'; readonly finished: number; readonly cut: number };
