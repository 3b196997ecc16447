/**
 * From what the schema refuses to mistakes that people can act on: place, "did you mean", next step.
 *
 * Does: unknown keys at the key's place, words at the value's, missing keys at their parent's; unions by the branch
 * that was meant. Allowed keys come from the JSON Schema, so they cannot differ from it.
 */
import { backtick, closest, listWords, type Mistake } from './mistakes.ts';
import { MAX_MISTAKES, type YamlFile, type YamlPath } from './yaml.ts';

/** The part of a schema issue that is read here. */
export interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly values?: readonly unknown[];
  readonly expected?: string;
  readonly input?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly origin?: string;
  readonly issues?: readonly Issue[];
  readonly errors?: readonly (readonly Issue[])[];
}

/** Words and keys that the documents promise and nothing implements yet. */
const NOT_BUILT: ReadonlySet<string> = new Set(
  (
    'preflight continuity lane via clientCertificate serverName blockPage onProbeFailure rollout shadow ' +
    'notBefore onReload extends redact kind tls proxyProtocol unix tokenFile'
  ).split(' '),
);

export function issuesToMistakes(
  issues: readonly Issue[],
  yaml: YamlFile,
  schema: Readonly<Record<string, unknown>>,
): Mistake[] {
  return withoutMisspelled(issues, [], yaml, schema)
    .slice(0, MAX_MISTAKES)
    .flatMap((issue) => toMistakes(issue, [], yaml, schema));
}

/** A key that is only misspelled is not missing as well. */
function withoutMisspelled(
  issues: readonly Issue[],
  parent: YamlPath,
  yaml: YamlFile,
  schema: SchemaNode,
): readonly Issue[] {
  const misspelled = new Set(issues.flatMap((issue) => meantPaths(issue, parent, schema)));
  const isThere = ({ path }: Issue): boolean => valueAt(yaml.value, [...parent, ...stepsOf(path)]) !== undefined;
  return issues.filter((issue) => !misspelled.has(JSON.stringify(issue.path)) || isThere(issue));
}

/** The paths that unknown keys probably meant. */
function meantPaths({ code, path, keys }: Issue, parent: YamlPath, schema: SchemaNode): readonly string[] {
  if (code !== 'unrecognized_keys') return [];
  const allowed = keysAt(schema, [...parent, ...stepsOf(path)]);
  return (keys ?? []).slice(0, MAX_MISTAKES).flatMap((key) => {
    const meant = closest(key, allowed);
    return meant === null ? [] : [JSON.stringify([...path, meant])];
  });
}

function stepsOf(path: readonly PropertyKey[]): YamlPath {
  return path.filter((step): step is string | number => typeof step !== 'symbol');
}

function toMistakes(
  issue: Issue,
  parent: YamlPath,
  yaml: YamlFile,
  schema: Readonly<Record<string, unknown>>,
): Mistake[] {
  const path: YamlPath = [...parent, ...stepsOf(issue.path)];
  const at = valueAt(yaml.value, path);
  const error = (message: string, hint: string, place = yaml.place(path)): Mistake[] => [
    { place, message, hint, severity: 'error' },
  ];
  switch (issue.code) {
    case 'unrecognized_keys':
      return (issue.keys ?? [])
        .slice(0, MAX_MISTAKES)
        .flatMap((key) =>
          error(
            `unknown key ${backtick(key)}`,
            unknownKeyHint(key, keysAt(schema, path)),
            yaml.place([...path, key], 'key'),
          ),
        );
    case 'invalid_key':
      return error(issue.issues?.[0]?.message ?? issue.message, 'rename it', yaml.place(path, 'key'));
    case 'invalid_union': {
      const meant = meantBranch(issue);
      return meant === null
        ? error(issue.message, 'see the reference in config/README.md')
        : withoutMisspelled(meant, path, yaml, schema).flatMap((inner) => toMistakes(inner, path, yaml, schema));
    }
    case 'invalid_value':
      if (at === undefined) {
        return missing(path, yaml);
      }
      if (issue.values?.some((value) => typeof value === 'number' && String(value) === at) === true) {
        return error(`${field(path)} is the text ${show(at)}, expected the number`, 'write it without quotes');
      }
      return error(
        `${field(path)} is ${show(at)}, expected ${listWords((issue.values ?? []).map(String))}`,
        wordHint(at, issue),
      );
    case 'invalid_type':
      if (at === undefined) {
        return missing(path, yaml);
      }
      return error(`${field(path)} is ${show(at)}, expected ${typeWord(issue.expected)}`, typeHint(at, issue.expected));
    case 'too_small':
    case 'too_big':
      return error(`${field(path)} is out of range: ${rangeWord(issue)}`, 'choose a value within the range');
    default:
      return error(`${field(path)}: ${issue.message}`, 'see the reference in config/README.md');
  }
}

/** What the one branch of a union says that was meant; null: none was, or several could be. */
export function meantBranch(issue: Issue): readonly Issue[] | null {
  const meant = (issue.errors ?? []).filter((branch) => !branch.some(isWrongAtTop));
  return meant.length === 1 ? (meant[0] ?? null) : null;
}

/** A branch of a union that was not meant at all: the value is of another type. */
function isWrongAtTop(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

/** Where the name alone does not say what to write. */
const EXAMPLES: Readonly<Record<string, string>> = { version: '1', until: '2027-06-01' };

function missing(path: YamlPath, yaml: YamlFile): Mistake[] {
  const key = String(path.at(-1) ?? 'version');
  const place = yaml.place(path.slice(0, -1));
  const example = EXAMPLES[key];
  const hint = example === undefined ? `add ${backtick(`${key}:`)}` : `add ${backtick(`${key}: ${example}`)}`;
  return [{ place, message: `${backtick(key)} is missing`, hint, severity: 'error' }];
}

function field(path: YamlPath): string {
  const last = path.at(-1);
  const named = path.findLast((step) => typeof step === 'string');
  return typeof last === 'number'
    ? `an entry of ${backtick(String(named ?? ''))}`
    : backtick(String(last ?? 'the file'));
}

function show(value: unknown): string {
  if (Array.isArray(value)) {
    return 'a list';
  }
  if (value === null) {
    return 'empty';
  }
  if (typeof value === 'object') {
    return 'a map';
  }
  return typeof value === 'string' ? backtick(value) : `${typeWord(typeof value)} ${backtick(JSON.stringify(value))}`;
}

function typeWord(type: string | undefined): string {
  const words: Readonly<Record<string, string>> = {
    object: 'a map',
    record: 'a map',
    array: 'a list',
    string: 'a text',
    number: 'a number',
    int: 'an integer',
    boolean: '`true` or `false`',
  };
  return words[type ?? ''] ?? 'something else';
}

function typeHint(value: unknown, expected: string | undefined): string {
  if (expected === 'string' && typeof value !== 'object') {
    return 'put it in quotes';
  }
  return expected === 'array' && value !== null ? 'put it in brackets: [ … ]' : `write ${typeWord(expected)}`;
}

function rangeWord(issue: Issue): string {
  const unit = issue.origin === 'array' ? ' entries' : issue.origin === 'string' ? ' characters' : '';
  return issue.code === 'too_small' ? `at least ${issue.minimum}${unit}` : `at most ${issue.maximum}${unit}`;
}

/** Keys of rules that `unmatched` has as well, and those that rules have alone. */
const KEYS_OF_JUDGING: ReadonlySet<string> = new Set('mode onFailure checks tls plaintext answer'.split(' '));
const KEYS_OF_RULES: ReadonlySet<string> = new Set(
  'match except pins certificatePolicies allowPrivate unsafeFloor unsafeTls metricsGroup'.split(' '),
);

/** Where a key belongs that was written at the top of a file; null: nowhere that we know of. */
function elsewhere(key: string, allowed: readonly string[]): string | null {
  const inConfig = allowed.includes('listen');
  if (!inConfig && !allowed.includes('rules')) return null;
  const rule = inConfig ? 'a rule of a policy file' : 'a rule';
  if (KEYS_OF_RULES.has(key)) return `write it into ${rule}`;
  if (!KEYS_OF_JUDGING.has(key)) return null;
  return `write it into ${rule} or its \`defaults\`${inConfig ? '; for hosts without a rule into `unmatched`' : ''}`;
}

function unknownKeyHint(key: string, allowed: readonly string[]): string {
  const other = elsewhere(key, allowed);
  if (other !== null) return other;
  if (NOT_BUILT.has(key)) {
    return 'this is not built yet; remove it';
  }
  const meant = closest(key, allowed);
  return meant === null ? `remove it, or use ${listWords(allowed)}` : `did you mean ${backtick(meant)}?`;
}

function wordHint(value: unknown, issue: Issue): string {
  const words = (issue.values ?? []).map(String);
  const meant = typeof value === 'string' ? closest(value, words) : null;
  if (meant !== null) {
    return `did you mean ${backtick(meant)}?`;
  }
  const planned = (typeof value === 'string' && NOT_BUILT.has(value)) || NOT_BUILT.has(String(issue.path.at(-1)));
  const use = `use ${listWords(words)}`;
  return planned ? `this is not built yet; ${use}` : use;
}

/** Undefined: nothing is there. */
export function valueAt(value: unknown, path: YamlPath): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) {
      return undefined;
    }
    at = (at as Readonly<Record<string | number, unknown>>)[step];
  }
  return at;
}

type SchemaNode = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys that the schema allows at a path, over all branches of unions. */
export function keysAt(schema: SchemaNode, path: YamlPath): string[] {
  let nodes = expand(schema, schema);
  for (const step of path) {
    nodes = nodes.flatMap((node) => {
      const properties = isNode(node['properties']) ? node['properties'] : {};
      const next =
        typeof step === 'number'
          ? node['items']
          : Object.hasOwn(properties, step)
            ? properties[step]
            : node['additionalProperties'];
      return isNode(next) ? expand(next, schema) : [];
    });
  }
  return nodes.flatMap((node) => (isNode(node['properties']) ? Object.keys(node['properties']) : []));
}

/** A node with `$ref`, `allOf` and `anyOf` followed. */
export function expand(node: SchemaNode, root: SchemaNode): SchemaNode[] {
  const reference = node['$ref'];
  const definitions = root['definitions'];
  const found = [node];
  if (typeof reference === 'string' && isNode(definitions)) {
    const target = definitions[reference.replace('#/definitions/', '')];
    found.push(...(isNode(target) ? expand(target, root) : []));
  }
  for (const key of ['anyOf', 'allOf', 'oneOf']) {
    const branches = node[key];
    found.push(...(Array.isArray(branches) ? branches.filter(isNode).flatMap((branch) => expand(branch, root)) : []));
  }
  return found;
}
