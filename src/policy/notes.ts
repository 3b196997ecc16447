/** Collects mistakes while one file is compiled, each with the place of a path in that file. */
import { byPlace, type Mistake } from './mistakes.ts';
import type { Place } from './policy.ts';
import { asWritten, pathKey, type Shifts } from './salvage.ts';
import { MAX_MISTAKES, type YamlFile, type YamlPath } from './yaml.ts';

export class Notes {
  readonly #yaml: YamlFile;
  readonly #mistakes: Mistake[] = [];
  readonly #shifts = new Map<string, readonly number[]>();
  #errors = 0;

  constructor(yaml: YamlFile) {
    this.#yaml = yaml;
  }

  get file(): string {
    return this.#yaml.file;
  }

  get failed(): boolean {
    return this.#errors > 0;
  }

  /** How many there were so far. */
  get errors(): number {
    return this.#errors;
  }

  get mistakes(): readonly Mistake[] {
    return this.#mistakes.toSorted(byPlace);
  }

  /** From now on paths under `base` are those of what is left of its value. */
  shift(base: YamlPath, shifts: Shifts): void {
    for (const [key, kept] of shifts) {
      this.#shifts.set(pathKey([...base, ...(JSON.parse(key) as YamlPath)]), kept);
    }
  }

  place(path: YamlPath, at: 'key' | 'value' = 'value'): Place {
    return this.#yaml.place(asWritten(path, this.#shifts), at);
  }

  /** `hint` is the next step. */
  error(path: YamlPath, message: string, hint: string, at: 'key' | 'value' = 'value'): void {
    this.#errors += 1;
    this.#add({ place: this.place(path, at), message, hint, severity: 'error' });
  }

  warn(path: YamlPath, message: string, hint: string, at: 'key' | 'value' = 'value'): void {
    this.#add({ place: this.place(path, at), message, hint, severity: 'warning' });
  }

  #add(mistake: Mistake): void {
    if (this.#mistakes.length < MAX_MISTAKES) {
      this.#mistakes.push(mistake);
    }
  }
}
