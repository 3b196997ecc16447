/** Words that both dashboards use. */
import type { Panel, Target } from './dashboard.ts';

/** Which processes a panel speaks of. */
export const HERE = 'job=~"$job",instance=~"$instance"';

/** Codes that a machine in the middle causes, and few mistakes do. The alert rules name the same. */
export const INTERCEPTED =
  'chain\\\\.(own-ca|private-root|self-signed)|pin\\\\.(denied|mismatch)|public-root\\\\.private';

/** What was found of them in the last five minutes; the first of a kind counts too. */
export function intercepted(action: 'block' | 'alert' | '.+'): string {
  return `instance_policy_code_action:pinwarden_findings:increase5m{${HERE},action=~"${action}",code=~"${INTERCEPTED}"}`;
}

/** Zero when nothing is counted, but only while a proxy is scraped: without one the panel says so instead of green. */
export const OR_ZERO = `or 0 * count(pinwarden_build_info{${HERE}})`;
export const NO_PROXY = 'no proxy is scraped';

export const YES_NO = [
  { from: 0, to: 0, text: 'no' },
  { from: 1, to: 1, text: 'yes' },
];

export const NONE_SOME_MANY = [
  { from: null, color: 'green' },
  { from: 1, color: 'orange' },
  { from: 5, color: 'red' },
];
/** Blocked is what the proxy is for: worth a look, no failure. */
export const NONE_OR_SOME = [
  { from: null, color: 'green' },
  { from: 1, color: 'orange' },
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
