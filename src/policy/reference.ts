/** What people are told about the format: JSON Schemas for editors and tables for config/README.md, from schema.ts. */
import { CODES } from '../model/codes.ts';
import { configSchema } from './config-schema.ts';
import { groupsSchema, jsonSchema, policySchema } from './schema.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** Each is built once, when it is first asked for: a good load never needs one. */
function once(build: () => JsonSchema): () => JsonSchema {
  let built: JsonSchema | null = null;
  return () => {
    built ??= Object.freeze(build());
    return built;
  };
}

export const policyJsonSchema = once(() => jsonSchema(policySchema));
export const groupsJsonSchema = once(() => jsonSchema(groupsSchema));
export const configJsonSchema = once(() => jsonSchema(configSchema));

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

/** Markdown by the name of the section between markers in config/README.md. */
export function referenceTables(): ReadonlyMap<string, string> {
  return new Map([
    ['config', keyTable(configJsonSchema())],
    ['policy', keyTable(policyJsonSchema())],
    ['codes', codeTable()],
  ]);
}

/** A text with every section between `<!-- generated: NAME -->` and `<!-- end -->` replaced. */
export function fillSections(text: string, sections: ReadonlyMap<string, string>): string {
  return text.replace(
    /(<!-- generated: ([a-z]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (whole: string, open: string, name: string, close: string) => {
      const section = sections.get(name);
      return section === undefined ? whole : `${open}${section}${close}`;
    },
  );
}

function codeTable(): string {
  const rows = Object.entries(CODES).map(([code, entry]) => [
    `\`${code}\``,
    entry.floor ? 'floor' : '',
    entry.status === null ? '—' : String(entry.status),
    `\`${entry.proxyStatus}\``,
    entry.says,
    entry.next,
  ]);
  return table(['code', '', 'status', 'Proxy-Status error', 'what happened', 'what to do'], rows);
}

function keyTable(schema: JsonSchema): string {
  const rows = rowsOf(schema, schema, '').map(({ key, type, fallback, description }) => [
    `\`${key}\``,
    type,
    fallback,
    description,
  ]);
  return table(['key', 'value', 'default', 'meaning'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resolve(node: JsonSchema, root: JsonSchema): JsonSchema {
  const reference = node['$ref'];
  const definitions = root['definitions'];
  const target =
    typeof reference === 'string' && isObject(definitions)
      ? definitions[reference.replace('#/definitions/', '')]
      : null;
  return isObject(target) ? { ...target, ...node } : node;
}

/** The keys of a map, each followed by the keys inside it. */
function rowsOf(map: JsonSchema, root: JsonSchema, prefix: string): Row[] {
  const required = new Set(Array.isArray(map['required']) ? map['required'] : []);
  const properties = isObject(map['properties']) ? Object.entries(map['properties']) : [];
  return properties.flatMap(([name, raw]) => {
    const node = resolve(isObject(raw) ? raw : {}, root);
    const key = prefix + name;
    const row: Row = {
      key,
      type: typeWords(node, root),
      fallback: required.has(name) ? '**required**' : fallbackWords(node),
      description: typeof node['description'] === 'string' ? node['description'] : '',
    };
    return [row, ...insideRows(node, root, key)];
  });
}

function insideRows(node: JsonSchema, root: JsonSchema, key: string): Row[] {
  const items = node['items'];
  const values = node['additionalProperties'];
  const branches = node['anyOf'];
  return [
    ...rowsOf(node, root, `${key}.`),
    ...(isObject(items) ? insideRows(resolve(items, root), root, `${key}[]`) : []),
    ...(isObject(values) ? insideRows(resolve(values, root), root, `${key}.NAME`) : []),
    ...(Array.isArray(branches)
      ? branches.filter(isObject).flatMap((branch) => insideRows(resolve(branch, root), root, key))
      : []),
  ];
}

function fallbackWords(node: JsonSchema): string {
  const fallback = node['default'];
  const isEmptyMap = isObject(fallback) && Object.keys(fallback).length === 0;
  return fallback === undefined || isEmptyMap ? '' : `\`${JSON.stringify(fallback).replaceAll('"', '')}\``;
}

function typeWords(node: JsonSchema, root: JsonSchema): string {
  const words = node['enum'];
  if (Array.isArray(words)) {
    return words.map((word) => `\`${String(word)}\``).join(' · ');
  }
  if (node['const'] !== undefined) {
    return `\`${JSON.stringify(node['const']).replaceAll('"', '')}\``;
  }
  const branches = node['anyOf'];
  if (Array.isArray(branches)) {
    return branches
      .filter(isObject)
      .map((branch) => typeWords(resolve(branch, root), root))
      .join(' · ');
  }
  switch (node['type']) {
    case 'array': {
      const items = node['items'];
      return `list of ${isObject(items) ? typeWords(resolve(items, root), root) : 'anything'}`;
    }
    case 'object':
      return 'map';
    case 'integer':
      return `${String(node['minimum'])} to ${String(node['maximum'])}`;
    case 'boolean':
      return '`true` · `false`';
    default:
      return 'text';
  }
}
