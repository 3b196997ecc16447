/**
 * Rules of all files to one policy: unique names, no two rules for the same hosts and clients, the table.
 *
 * Does: everything that needs more than one file. Mistakes name both places.
 * The caller must: hand in the files in a stable order (load.ts sorts them).
 */
import type { Config } from './config.ts';
import { backtick, byPlace, closest, type Loaded, type Mistake, printPlace } from './mistakes.ts';
import type { Entry, HostPattern, Place, Policy, Rule, Slot, Weakens } from './policy.ts';
import { type PolicyFile, UNMATCHED } from './policy-file.ts';
import { atOnce, type Slices } from './slices.ts';
import { PatternTable } from './table.ts';
import { MAX_MISTAKES } from './yaml.ts';

/** Measured: see config/README.md; design goal of 150 MB a worker. */
export const MAX_RULES = 100_000;
/** Values of the `policy` label: cardinality that a Prometheus bears with all other labels. */
export const MAX_METRICS_GROUPS = 200;
export const OTHER_METRICS_GROUP = '_other';

/** What is not known because files are broken, so that nothing is concluded from it. */
export interface Gaps {
  /** Rules that are not as they were meant, by their place → the fields that are lost. */
  readonly faulty: ReadonlyMap<Place, ReadonlySet<string>>;
  /** True: the configuration is not as it was meant either. */
  readonly config: boolean;
  /** False: `clients:` of pinwarden.yaml cannot be read, so no group can be called unknown. */
  readonly hasClients: boolean;
}

const NO_GAPS: Gaps = { faulty: new Map(), config: false, hasClients: true };

interface MutableSlot {
  forAll: Entry | null;
  byClient: Map<string, Entry> | null;
}

export function assemble(files: readonly PolicyFile[], config: Config): Loaded<Policy> {
  return atOnce(assembleInSlices(files, config));
}

export function* assembleInSlices(files: readonly PolicyFile[], config: Config): Slices<Loaded<Policy>> {
  const { policy, mistakes } = yield* gather(files, config, NO_GAPS);
  return mistakes.some((mistake) => mistake.severity === 'error')
    ? { ok: false, mistakes }
    : { ok: true, value: policy, warnings: mistakes };
}

interface Gathered {
  readonly policy: Policy;
  readonly mistakes: readonly Mistake[];
}

/** What is left of broken files beside the others; the policy only serves to look for more mistakes. */
export function assembleRemains(files: readonly PolicyFile[], config: Config, gaps: Gaps): Gathered {
  return atOnce(gather(files, config, gaps));
}

function* gather(files: readonly PolicyFile[], config: Config, gaps: Gaps): Slices<Gathered> {
  const builder = new Builder(config, gaps);
  const rules = limitMetricsGroups(
    files.flatMap((file) => file.rules),
    builder,
  );
  if (rules.length > MAX_RULES && rules[MAX_RULES] !== undefined) {
    builder.error(rules[MAX_RULES].place, `more than ${MAX_RULES} rules`, 'use wildcards, or split the fleet');
  } else {
    for (const rule of rules) {
      builder.add(rule);
      yield;
    }
  }
  const weakens = files.flatMap((file) => file.weakens);
  builder.checkWeakens(weakens);
  const policy: Policy = Object.freeze({
    rules: Object.freeze(rules),
    byName: builder.byName,
    unmatched: config.unmatched,
    anchorsPlace: config.anchorsPlace,
    table: builder.table,
    excepts: builder.excepts,
    clients: config.clients,
    clientOrder: builder.clientOrder,
    weakens: Object.freeze(weakens),
  });
  return { policy, mistakes: builder.mistakes.toSorted(byPlace) };
}

/** The first 200 groups keep their names; what follows shares one label. */
function limitMetricsGroups(rules: readonly Rule[], builder: Builder): Rule[] {
  const groups = new Set<string>();
  let warned = false;
  return rules.map((rule) => {
    if (groups.has(rule.metricsGroup) || groups.size < MAX_METRICS_GROUPS) {
      groups.add(rule.metricsGroup);
      return rule;
    }
    if (!warned) {
      warned = true;
      builder.warn(
        rule.place,
        `more than ${MAX_METRICS_GROUPS} metrics groups; from here on the label is ${backtick(OTHER_METRICS_GROUP)}`,
        'give rules that belong together the same `metricsGroup:`',
      );
    }
    return Object.freeze({ ...rule, metricsGroup: OTHER_METRICS_GROUP });
  });
}

class Builder {
  readonly mistakes: Mistake[] = [];
  readonly byName = new Map<string, Rule>();
  readonly table = new PatternTable<Slot>();
  readonly excepts = new Map<Rule, PatternTable<true>>();
  readonly clientOrder: ReadonlyMap<string, number>;

  readonly #gaps: Gaps;
  readonly #said = new Set<string>();

  constructor(config: Config, gaps: Gaps) {
    this.#gaps = gaps;
    this.clientOrder = new Map(config.clients.map((group, index) => [group.name, index]));
  }

  error(place: Place, message: string, hint: string): void {
    this.#say({ place, message, hint, severity: 'error' });
  }

  warn(place: Place, message: string, hint: string): void {
    this.#say({ place, message, hint, severity: 'warning' });
  }

  #say(mistake: Mistake): void {
    // What `defaults` say is wrong in the same way for every rule.
    const key = `${printPlace(mistake.place)} ${mistake.message}`;
    if (this.mistakes.length < MAX_MISTAKES && !this.#said.has(key)) {
      this.#said.add(key);
      this.mistakes.push(Object.freeze(mistake));
    }
  }

  add(rule: Rule): void {
    this.#addName(rule);
    this.#checkClients(rule);
    // A rule that lost its clients is for nobody knows whom.
    if (this.#gaps.faulty.get(rule.place)?.has('clients') === true) {
      return;
    }
    for (const pattern of rule.match) {
      this.#place(pattern, rule);
    }
    if (rule.except.length > 0) {
      const table = new PatternTable<true>();
      for (const pattern of rule.except) {
        table.set(pattern, true);
      }
      this.excepts.set(rule, table);
    }
  }

  /** A rule that lost its name has the empty one. */
  #addName(rule: Rule): void {
    const namesake = this.byName.get(rule.name);
    if (namesake !== undefined) {
      const message = `the name ${backtick(rule.name)} is taken by ${printPlace(namesake.place)}`;
      this.error(rule.origins['name'] ?? rule.place, message, 'rename one of them');
    } else if (rule.name !== '') {
      this.byName.set(rule.name, rule);
    }
  }

  #checkClients(rule: Rule): void {
    for (const name of this.#gaps.hasClients ? rule.clients : []) {
      if (!this.clientOrder.has(name)) {
        const meant = closest(name, this.clientOrder.keys());
        const hint =
          meant === null ? 'define it under `clients:` in pinwarden.yaml' : `did you mean ${backtick(meant)}?`;
        this.error(rule.origins['clients'] ?? rule.place, `there is no client group ${backtick(name)}`, hint);
      }
    }
  }

  #place(pattern: HostPattern, rule: Rule): void {
    let slot = this.table.get(pattern) as MutableSlot | undefined;
    if (slot === undefined) {
      slot = { forAll: null, byClient: null };
      this.table.set(pattern, slot);
    }
    const entry: Entry = { rule, pattern };
    if (rule.clients.length === 0) {
      this.#clash(slot.forAll, entry, null);
      slot.forAll ??= entry;
    }
    for (const client of rule.clients) {
      slot.byClient ??= new Map();
      this.#clash(slot.byClient.get(client) ?? null, entry, client);
      slot.byClient.set(client, slot.byClient.get(client) ?? entry);
    }
  }

  #clash(first: Entry | null, second: Entry, client: string | null): void {
    if (first === null) {
      return;
    }
    const pattern = backtick(second.pattern.text);
    const forWhom = client === null ? '' : ` for client ${backtick(client)}`;
    const where = printPlace(first.pattern.place);
    if (first.rule === second.rule) {
      this.error(second.pattern.place, `${pattern} is in the rule twice, first at ${where}`, 'keep one of them');
      return;
    }
    const rule = first.rule.name === '' ? 'a rule' : `rule ${backtick(first.rule.name)}`;
    this.error(
      second.pattern.place,
      `${pattern}${forWhom} is also matched by ${rule} at ${where}`,
      'keep it in one of the two rules, or tell them apart by port or clients',
    );
  }

  /** A weakening names its own rules; one that names nothing is a leftover, or speaks of a rule that goes. */
  checkWeakens(weakens: readonly Weakens[]): void {
    for (const entry of weakens) {
      const rule = this.byName.get(entry.rule);
      const foreign = entry.rule === UNMATCHED ? null : (rule?.owner ?? null);
      if (entry.owner !== null && (entry.rule === UNMATCHED || (rule !== undefined && foreign !== entry.owner))) {
        this.error(
          entry.place,
          `owner ${backtick(entry.owner)} may not weaken ${backtick(entry.rule)}`,
          'move the entry into a file of the owner of the rule',
        );
      }
    }
  }
}
