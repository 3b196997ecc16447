/** Words that both dashboards use. */
import type { Panel, Target } from './dashboard.ts';

/** Which processes a panel speaks of. */
export const HERE = 'job=~"$job",instance=~"$instance"';

/** Codes that a machine in the middle causes, and few mistakes do. The alert rules name the same. */
export const INTERCEPTED =
  'chain\\\\.(own-ca|private-root|self-signed)|pin\\\\.(denied|mismatch)|public-root\\\\.private';

export const NONE_SOME_MANY = [
  { from: null, color: 'green' },
  { from: 1, color: 'orange' },
  { from: 5, color: 'red' },
];
export const ZERO_IS_GOOD = [
  { from: null, color: 'green' },
  { from: 1, color: 'red' },
];
export const ONE_IS_GOOD = [
  { from: null, color: 'red' },
  { from: 1, color: 'green' },
];

export function risingTo(orange: number, red: number) {
  return [
    { from: null, color: 'green' },
    { from: orange, color: 'orange' },
    { from: red, color: 'red' },
  ];
}

/** Seconds that are left: red below `red`, orange below `orange`. */
export function fallingTo(orange: number, red: number) {
  return [
    { from: null, color: 'red' },
    { from: red, color: 'orange' },
    { from: orange, color: 'green' },
  ];
}

export function one(expr: string, legend = ''): readonly Target[] {
  return [{ expr, legend }];
}

type Rest = Omit<Panel, 'kind' | 'width' | 'title' | 'description' | 'unit' | 'targets'>;

function maker(kind: Panel['kind']) {
  return (
    width: number,
    title: string,
    unit: string,
    description: string,
    targets: readonly Target[],
    rest: Rest = {},
  ): Panel => ({ kind, width, title, unit, description, targets, ...rest });
}

export const stat = maker('stat');
export const graph = maker('timeseries');
export const table = maker('table');
