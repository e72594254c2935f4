/** Counts of durations by the steps of a scale on which each is a fourteenth longer than the one before. */
export type Histogram = Record<string, number>;

const STEP = Math.log(1.07);

/** Counts a duration in milliseconds. */
export function addTo(histogram: Histogram, ms: number): void {
  const step = Math.round(Math.log(Math.max(0, ms) + 1) / STEP);
  histogram[step] = (histogram[step] ?? 0) + 1;
}

/** All of them together. */
export function merged(histograms: readonly Histogram[]): Histogram {
  const sum: Histogram = {};
  for (const histogram of histograms)
    for (const [step, count] of Object.entries(histogram)) sum[step] = (sum[step] ?? 0) + count;
  return sum;
}

/** The duration below which this share lies, to about four per cent; `null` where nothing was counted. */
export function quantile(histogram: Histogram, share: number): number | null {
  const steps = Object.entries(histogram)
    .map(([step, count]) => [Number(step), count] as const)
    .sort(([a], [b]) => a - b);
  const total = steps.reduce((sum, [, count]) => sum + count, 0);
  let left = share * total;
  for (const [step, count] of steps) {
    left -= count;
    if (left <= 0) return Math.round(Math.exp(step * STEP) - 1);
  }
  return null;
}
