/**
 * Texts to a trust snapshot: everything a verdict may depend on besides evidence and rule, frozen and hashed.
 *
 * Does: parse anchors, log list (signature and rollback included) and CRLs; leave out of a *system* store what cannot be parsed, refuse it in a file that
 * an operator named.
 * Does not: read files or the clock, or fetch.
 * The caller must: keep the snapshot in force when a new one is refused.
 */
import { createHash } from 'node:crypto';
import { acceptLogList, type LogList } from '../pki/ct/log-list.ts';
import { buildAnchorSet } from '../pki/path/anchors.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import { parsePem, parsePemBlocks } from '../pki/x509/pem.ts';
import type { SignatureMemory } from '../pki/x509/signature.ts';
import { type AnchorsChoice, anchorsKey } from '../policy/policy.ts';
import type { Anchor, AnchorSet, CertificateMemory, Trust } from '../verify/trust.ts';
import { loadCrls, TrustError } from './crl-loader.ts';
import type { TrustMaterial } from './messages.ts';

/** Memories outlive snapshots: they never change an answer. */
export interface Memories {
  readonly signatures: SignatureMemory;
  readonly certificates: CertificateMemory;
}

/** @throws TrustError */
export function buildTrust(material: TrustMaterial, choices: readonly AnchorsChoice[], memories: Memories): Trust {
  const publicSet = publicSetOf(material);
  const systemSet = material.systemAnchors === null ? null : parseSystemAnchors(material.systemAnchors);
  const files = new Map(material.anchorFiles.map(({ file, text }) => [file, parseNamed(file, text)]));
  const anchorSets = new Map<string, AnchorSet>([['public', publicSet]]);
  if (systemSet !== null) anchorSets.set('system', systemSet);
  for (const choice of choices) {
    const key = anchorsKey(choice);
    if (typeof choice === 'string' || anchorSets.has(key)) continue;
    const certificates = choice.files.flatMap((file) => files.get(file) ?? []);
    anchorSets.set(key, buildAnchorSet(key, certificates));
  }
  const ownCas = material.ownCas.flatMap((pem) => parseNamed('the own CA', pem));
  const logList = parseList(material, null);
  const { crls, sha256: crlDigest } = loadCrls(material.crls);
  const hash = createHash('sha256');
  for (const [key, set] of [...anchorSets].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${key}\0${set.sha256}\0`);
  hash.update(
    `own\0${ownCas
      .map(({ spkiSha256 }) => spkiSha256)
      .sort()
      .join()}\0`,
  );
  hash.update(`ct\0${logList?.sha256 ?? ''}\0${JSON.stringify(material.ct ?? null)}\0crl\0${crlDigest}`);
  return Object.freeze({
    anchorSets,
    publicAnchors: publicSet,
    systemAnchors: systemSet,
    ownCaKeys: new Set(ownCas.map(({ spkiSha256 }) => spkiSha256)),
    ownCas,
    logList,
    ...(material.ct !== undefined && { ct: material.ct }),
    crls,
    signatures: memories.signatures,
    certificates: memories.certificates,
    sha256: hash.digest('hex'),
  });
}

/** Age after which the frozen public set should have been replaced by an update (design: warning after 180 days). */
export const PUBLIC_ANCHORS_OLD_MS = 180 * 86_400_000;

/** The frozen file of config/anchors: its own digest is checked, so that an edit by hand shows. @throws TrustError */
export function parsePublicAnchors(text: string): { readonly set: AnchorSet; readonly frozenAtMs: number } {
  const frozen = readFrozen(text);
  const frozenAtMs = Date.parse(`${frozen.date}T00:00:00Z`);
  if (Number.isNaN(frozenAtMs)) throw new TrustError('the public anchors carry no date');
  const digests: string[] = [];
  const anchors = frozen.certificates.map(({ der, distrustAfter }): Anchor => {
    const parsed = parseCertificate(Buffer.from(der, 'base64'));
    if (!parsed.ok) throw new TrustError(`a public anchor cannot be parsed: ${parsed.why}`);
    digests.push(`${parsed.value.der.sha256}\n`);
    const distrustAfterMs = distrustAfter === null ? null : Date.parse(distrustAfter);
    if (Number.isNaN(distrustAfterMs)) throw new TrustError('a public anchor has a malformed distrustAfter');
    return { certificate: parsed.value, distrustAfterMs };
  });
  if (createHash('sha256').update(digests.join('')).digest('hex') !== frozen.sha256) {
    throw new TrustError('the public anchors do not match their own digest: the file was changed or cut');
  }
  return { set: buildAnchorSet('public', anchors), frozenAtMs };
}

interface Frozen {
  readonly date: string;
  readonly sha256: string;
  readonly certificates: readonly { readonly der: string; readonly distrustAfter: string | null }[];
}

function readFrozen(text: string): Frozen {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TrustError('the public anchors are not JSON');
  }
  if (!isFrozen(value)) throw new TrustError('the public anchors are not in the form that freeze.ts writes');
  return value;
}

function isFrozen(value: unknown): value is Frozen {
  if (typeof value !== 'object' || value === null) return false;
  const { date, sha256, certificates } = value as Partial<Record<keyof Frozen, unknown>>;
  if (typeof date !== 'string' || typeof sha256 !== 'string' || !Array.isArray(certificates)) return false;
  return certificates.every((one: unknown) => {
    if (typeof one !== 'object' || one === null) return false;
    const { der, distrustAfter } = one as { der?: unknown; distrustAfter?: unknown };
    return typeof der === 'string' && (distrustAfter === null || typeof distrustAfter === 'string');
  });
}

function parseSystemAnchors(text: string): AnchorSet {
  const blocks = parsePemBlocks(text);
  if (!blocks.ok) throw new TrustError(`the system's trust store: ${blocks.why}`);
  // Nobody chose these one by one: one that cannot be parsed is not trusted, and does not take the others with it.
  const certificates = blocks.value.flatMap(({ bytes }): Certificate[] => {
    const parsed = parseCertificate(bytes);
    return parsed.ok ? [parsed.value] : [];
  });
  return buildAnchorSet('system', certificates);
}

/** @throws TrustError */
export function parseNamed(file: string, text: string): readonly Certificate[] {
  if (!text.includes('-----BEGIN ')) throw new TrustError(`${file}: there is no PEM certificate in it`);
  const parsed = parsePem(text);
  if (!parsed.ok) throw new TrustError(`${file}: ${parsed.why}`);
  return parsed.value;
}

function publicSetOf({ publicAnchors, publicAnchorFiles }: TrustMaterial): AnchorSet {
  if (publicAnchorFiles === undefined) return parsePublicAnchors(publicAnchors).set;
  const certificates = publicAnchorFiles.flatMap(({ file, text }) => parseNamed(file, text));
  return buildAnchorSet('public', certificates);
}

/** @throws TrustError */
export function parseList(
  { logList, logListSigned }: Pick<TrustMaterial, 'logList' | 'logListSigned'>,
  heldMs: number | null,
): LogList | null {
  if (logList === null) return null;
  const held = heldMs === null ? null : { timestampMs: heldMs };
  const answer = acceptLogList({ bytes: Buffer.from(logList), signed: logListSigned ?? null, held });
  if (answer.is === 'accepted') return answer.list;
  throw new TrustError(`the CT log list: ${answer.why}: ${answer.detail}`);
}

/** Certificates that may complete paths. @throws TrustError */
export function intermediatesOf({ intermediates }: TrustMaterial): readonly Certificate[] {
  return (intermediates ?? []).flatMap(({ file, text }) => parseNamed(file, text));
}

/** `log_list_timestamp` of material that was checked, milliseconds since the epoch; null: there is no list. */
export function logListTimeOf(material: TrustMaterial): number | null {
  return parseList(material, null)?.timestampMs ?? null;
}

/**
 * Parses everything once, so that a broken file is refused before a worker sees it.
 * @param heldListMs timestamp of the log list in use, which a new one may not undercut; null: there was none.
 * @throws TrustError
 */
export function checkTrust(material: TrustMaterial, heldListMs: number | null = null): void {
  parseList(material, heldListMs);
  intermediatesOf(material);
  const memories = { recall: () => undefined, remember: () => undefined };
  buildTrust(material, [], { signatures: memories, certificates: memories });
}
