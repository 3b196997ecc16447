/** PromQL by the grammar of Prometheus' own editor: is it well formed, and which names does it use. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Selector {
  readonly metric: string;
  readonly text: string;
}

export interface Expression {
  /** Offsets at which the text is not PromQL. */
  readonly mistakes: readonly number[];
  readonly selectors: readonly Selector[];
  /** Names of labels, wherever they stand: matchers, groupings, joins. */
  readonly labels: ReadonlySet<string>;
  /** Functions that are called with their arguments, as written. */
  readonly calls: readonly { readonly name: string; readonly text: string }[];
}

export function parseExpression(text: string): Expression {
  const mistakes: number[] = [];
  const selectors: Selector[] = [];
  const labels = new Set<string>();
  const calls: { name: string; text: string }[] = [];
  parser.parse(text).iterate({
    enter(node) {
      const written = text.slice(node.from, node.to);
      if (node.type.isError) mistakes.push(node.from);
      if (node.name === 'LabelName') labels.add(written);
      if (node.name === 'VectorSelector') selectors.push({ metric: /^[\w:]*/.exec(written)?.[0] ?? '', text: written });
      if (node.name === 'FunctionCall') calls.push({ name: /^\w+/.exec(written)?.[0] ?? '', text: written });
      // The label that label_replace makes is written as a string.
      if (node.name === 'FunctionCall' && written.startsWith('label_replace')) {
        const made = /,\s*"(\w+)",\s*"[^"]*",\s*"[^"]*",\s*"[^"]*"\)$/.exec(written)?.[1];
        if (made !== undefined) labels.add(made);
      }
    },
  });
  return { mistakes, selectors, labels, calls };
}
