/** The table of metrics for people, from the very list that the registries are made of. */
import { INSTRUMENTS } from '../src/observe/instruments.ts';

const BEGIN = '<!-- generated: metrics -->';
const END = '<!-- end -->';

/** `text` with the table between its two marks made anew. */
export function withMetricsTable(text: string): string {
  const rows = Object.values(INSTRUMENTS)
    .map(({ name, kind, labels, help }) => `| \`${name}\` | ${kind} | ${words(labels)} | ${help} |`)
    .sort();
  const table = ['| metric | kind | labels | what it says |', '| --- | --- | --- | --- |', ...rows].join('\n');
  const [before = '', rest = ''] = text.split(BEGIN);
  return `${before}${BEGIN}\n${table}\n${END}${rest.slice(rest.indexOf(END) + END.length)}`;
}

function words(labels: readonly string[]): string {
  return labels.map((label) => `\`${label}\``).join(', ');
}
