/**
 * Material to the frozen values that the data plane reads. The same functions have passed the same texts in the
 * supervisor, so a failure here is a mistake of ours; it is thrown and the worker keeps what it has.
 */
import { loadCa } from '../minting/ca.ts';
import type { Signer, Signers } from '../minting/signer.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { createFileMemory, type FileMemory } from '../policy/file-memory.ts';
import { loadConfig, loadPolicyInSlices } from '../policy/load.ts';
import { type Mistake, printLine } from '../policy/mistakes.ts';
import { atOnce, type Slices } from '../policy/slices.ts';
import type { Generation } from '../proxy/house.ts';
import type { Trust } from '../verify/trust.ts';
import type { CaPairMaterial, GenerationMaterial } from './messages.ts';
import { anchorChoices } from './trust-files.ts';
import { buildTrust, intermediatesOf, type Memories } from './trust-loader.ts';

export interface Compiled {
  readonly generation: Generation;
  readonly trust: Trust;
  /** The operator's intermediates, for the pool. */
  readonly intermediates: readonly Certificate[];
  readonly signers: Signers;
}

/** @throws Error with the first mistake; TrustError; CaError */
export function compile(material: GenerationMaterial, memories: Memories): Compiled {
  return atOnce(compileInSlices(material, memories, createFileMemory()));
}

/** `files` saves compiling policy files again that did not change. @throws as `compile` */
export function* compileInSlices(
  material: GenerationMaterial,
  memories: Memories,
  files: FileMemory,
): Slices<Compiled> {
  const config = loadConfig(material.config.text, material.config.file);
  if (!config.ok) throw new Error(firstMistake(config.mistakes));
  const policy = yield* loadPolicyInSlices(material.sources, config.value, material.shippedGroups, files);
  if (!policy.ok) throw new Error(firstMistake(policy.mistakes));
  const trust = buildTrust(material.trust, anchorChoices(config.value, policy.value), memories);
  const { number, sha256 } = material;
  const intermediates = intermediatesOf(material.trust);
  return {
    generation: Object.freeze({ number, sha256, config: config.value, policy: policy.value }),
    trust,
    intermediates,
    signers: signersOf(material),
  };
}

function signersOf({ ca: { current, next } }: GenerationMaterial): Signers {
  return Object.freeze({
    current: signerOf(current),
    next: next === null ? null : { ...signerOf(next), signsFromMs: next.signsFromMs },
  });
}

/** Times are not judged: a worker that starts while its CA has ended still carries what needs no leaf. */
function signerOf({ certificatePem, keyPem, chainPem }: CaPairMaterial): Signer {
  return { ca: loadCa(certificatePem, keyPem, null), chainPem };
}

function firstMistake(mistakes: readonly Mistake[]): string {
  const first = mistakes.find(({ severity }) => severity === 'error');
  return first === undefined ? 'refused without a mistake' : `${printLine(first.place)}: ${first.message}`;
}
