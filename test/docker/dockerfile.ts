/** Reads our Dockerfile: instructions by stage. Understands what it uses and refuses the rest. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Instruction {
  readonly name: string;
  /** With the flags, continuation lines joined. */
  readonly text: string;
}

export interface Stage {
  readonly name: string;
  /** A build argument or the name of another stage. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

export function readDockerfile(): { readonly args: ReadonlyMap<string, string>; readonly stages: readonly Stage[] } {
  const text = readFileSync(`${ROOT}/Dockerfile`, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ');
  const args = new Map<string, string>();
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const [, name = '', rest = ''] = /^([A-Z]+) +(.*)$/.exec(line.replaceAll(/ +/g, ' ')) ?? [];
    if (name === '') throw new Error(`not an instruction: ${line}`);
    const last = stages.at(-1);
    if (name === 'FROM') {
      const [from = '', stage = ''] = rest.split(' AS ');
      stages.push({ name: stage, from: /^\$\{(\w+)\}$/.exec(from)?.[1] ?? from, instructions: [] });
    } else if (last === undefined) {
      const [key = '', value = ''] = rest.split('=');
      args.set(key, value);
    } else {
      last.instructions.push({ name, text: rest.trim() });
    }
  }
  return { args, stages };
}

/** The instructions of a stage behind those of the stages it stands on. */
export function whole(stages: readonly Stage[], name: string): readonly Instruction[] {
  const stage = stages.find((one) => one.name === name);
  return stage === undefined ? [] : [...whole(stages, stage.from), ...stage.instructions];
}

/** The last one of that name, as JSON if it is in exec form. */
export function lastOf(instructions: readonly Instruction[], name: string): string {
  return instructions.findLast((one) => one.name === name)?.text ?? '';
}

/** The words of an exec form; null for a shell form. */
export function execForm(text: string): readonly string[] | null {
  const at = text.indexOf('[');
  if (at < 0) return null;
  try {
    return JSON.parse(text.slice(at)) as string[];
  } catch {
    return null;
  }
}

/** What .dockerignore lets through, as paths and patterns with one star. */
export function allowedInContext(): readonly string[] {
  const lines = readFileSync(`${ROOT}/.dockerignore`, 'utf8').split('\n');
  const rules = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (rules[0] !== '*') throw new Error('.dockerignore must begin by ignoring everything');
  return rules.slice(1).map((rule) => {
    if (!rule.startsWith('!')) throw new Error(`.dockerignore: ${rule}`);
    return rule.slice(1);
  });
}
