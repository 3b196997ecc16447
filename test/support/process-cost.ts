/** What a process has cost so far, by /proc; null where there is none. */
import { existsSync, readFileSync } from 'node:fs';

/** Linux counts processor time in these for every program, whatever the kernel's own tick is. */
const TICKS_PER_SECOND = 100;

export interface ProcessCost {
  readonly cpuMs: number;
  /** Resident set. */
  readonly memoryBytes: number;
}

export function processCost(pid: number): ProcessCost | null {
  if (!existsSync(`/proc/${pid}/stat`)) return null;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything; fields are counted behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const kibibytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return { cpuMs: (ticks * 1000) / TICKS_PER_SECOND, memoryBytes: kibibytes * 1024 };
}
