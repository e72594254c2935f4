import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

let ticksPerSecond: number | null = null;

/** Kernel ticks in a second: 100 wherever nobody built the kernel otherwise. */
function ticks(): number {
  if (ticksPerSecond !== null) return ticksPerSecond;
  try {
    ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;
  } catch {
    ticksPerSecond = 100;
  }
  return ticksPerSecond;
}

/** Microseconds of CPU that a process has used, all its threads together; NaN where there is no /proc. */
export function cpuMicros(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // the name in brackets may hold spaces; utime and stime are the 14th and 15th field
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / ticks();
  } catch {
    return Number.NaN;
  }
}

/** Resident memory in MB (10^6 bytes); NaN where there is no /proc. */
export function rssMegabytes(pid: number): number {
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return (Number(line?.[1]) * 1024) / 1_000_000;
  } catch {
    return Number.NaN;
  }
}
