/** Many cases through one run of `verify --batch`, as an outside suite would ask. */
import { runVerify } from '../../src/cli/verify.ts';
import { capturedIo } from '../cli/captured-io.ts';
import type { Issued } from '../support/test-ca.ts';

export const AT = '2026-06-15T12:00:00Z';
export const HOST = 'example.test';

type Blob = Issued | Buffer;

export interface BatchCase {
  /** As presented, leaf first. */
  readonly chain: readonly Blob[];
  readonly anchors: readonly Blob[] | 'public';
  readonly host?: string;
  readonly at?: string;
  /** The anchors are the public set: the Baseline Requirements hold. */
  readonly anchorsArePublic?: boolean;
  readonly crls?: readonly Buffer[];
  readonly rule?: Readonly<Record<string, unknown>>;
}

export interface BatchAnswer {
  readonly id: string;
  readonly verdict: 'allow' | 'alert' | 'block';
  readonly codes: readonly string[];
  readonly path: readonly string[] | null;
  readonly error?: string;
}

/** Answers in the order of `cases`, by name. */
export async function judgeAll(cases: ReadonlyMap<string, BatchCase>): Promise<ReadonlyMap<string, BatchAnswer>> {
  const lines = [...cases].map(([id, one]) => `${lineOf(id, one)}\n`);
  const io = capturedIo('.', lines);
  await runVerify(['--batch'], io);
  const answers = io
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as BatchAnswer);
  return new Map(answers.map((answer) => [answer.id, answer]));
}

/** `allow`, or the codes of a refusal. */
export function word(answer: BatchAnswer | undefined): string {
  if (answer === undefined) return 'no answer';
  return answer.error ?? (answer.verdict === 'allow' ? 'allow' : answer.codes.join(' '));
}

function lineOf(id: string, { chain, anchors, host = HOST, at = AT, crls, ...rest }: BatchCase): string {
  const text = (blob: Blob): string => (Buffer.isBuffer(blob) ? blob : blob.der).toString('base64');
  const given = anchors === 'public' ? {} : { anchors: anchors.map(text) };
  const lists = { chain: chain.map(text), ...given, ...(crls && { crls: crls.map(text) }) };
  return JSON.stringify({ id, host, at, ...lists, ...rest });
}
