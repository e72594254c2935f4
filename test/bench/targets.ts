import type { Results } from './report.ts';
import type { Section, Series } from './rounds.ts';
import { ratios, type Spread, spread } from './stats.ts';

/** One thing to reach: what was measured, what is wanted, and what would be better still. */
interface Target {
  readonly figure: string;
  readonly found: Spread;
  readonly digits: number;
  readonly wanted: 'most' | 'least';
  readonly reach: number;
  readonly beyond: number;
  readonly unit?: string;
  /** What is known of others, or of simpler things. */
  readonly reference?: string;
}

/** Every target with what was found. */
export function targetTable(results: Results): readonly string[] {
  return [
    '| target | measured | reach | | beyond | known |',
    '| --- | --- | --- | --- | --- | --- |',
    ...targets(results).map(({ figure, found, digits, wanted, reach, beyond, unit = '', reference = '' }) => {
      const sign = wanted === 'least' ? '≥' : '≤';
      const met = (limit: number) => (wanted === 'least' ? found.median >= limit : found.median <= limit);
      const show = (value: number) => `${value.toFixed(digits)}${unit}`;
      const known = Number.isFinite(found.median);
      const verdict = !known ? '' : met(beyond) ? 'beyond' : met(reach) ? 'met' : 'missed';
      const measured = known
        ? `${show(found.median)} (${show(found.least)}–${show(found.most)})`
        : 'not measured';
      return `| ${figure} | ${measured} | ${sign} ${reach}${unit} | ${verdict} | ${sign} ${beyond}${unit} | ${reference} |`;
    }),
  ];
}

const NOTHING: Spread = { median: Number.NaN, least: Number.NaN, most: Number.NaN };

function against(
  section: Section,
  one: keyof Section,
  other: keyof Section,
  figure: keyof Series,
  how: (ours: readonly number[], theirs: readonly number[]) => Spread,
): Spread {
  const [ours, theirs] = [section[one], section[other]];
  return ours && theirs ? how(ours[figure], theirs[figure]) : NOTHING;
}

const added = (ours: readonly number[], theirs: readonly number[]): Spread =>
  spread(ours.map((value, round) => value - (theirs[round] ?? Number.NaN)));

function targets(results: Results): readonly Target[] {
  const { closed, open, streams, spoken, beside, extras, memory, starts, pictures } = results;
  const least = { wanted: 'least', digits: 2 } as const;
  const most = { wanted: 'most', digits: 2 } as const;
  // the worst way counts
  const perPicture = pictures
    .map(({ grown, bodyMegabytes }) => spread(grown.map((megabytes) => megabytes / bodyMegabytes)))
    .reduce((worst, one) => (one.median > worst.median ? one : worst), {
      ...NOTHING,
      median: Number.NEGATIVE_INFINITY,
    });
  return [
    {
      ...least,
      figure: 'requests/s ÷ bare pass-through',
      found: against(closed, 'gateway', 'bare', 'perSecond', ratios),
      reach: 0.55,
      beyond: 0.7,
      reference: 'sketches without a store: 0.54–0.70',
    },
    {
      ...most,
      figure: 'CPU a request ÷ bare pass-through',
      found: against(closed, 'gateway', 'bare', 'cpu', ratios),
      reach: 1.8,
      beyond: 1.45,
    },
    {
      ...least,
      figure: 'requests/s ÷ Portkey',
      found: against(beside.closed, 'gateway', 'portkey', 'perSecond', ratios),
      reach: 8,
      beyond: 12,
      reference: '660 (Node 20) to 1,140/s (Node 24)',
    },
    {
      ...least,
      figure: 'requests/s ÷ nginx `proxy_pass`, one worker',
      found: against(beside.closed, 'gateway', 'nginx', 'perSecond', ratios),
      reach: 0.3,
      beyond: 0.45,
      reference: '34.8 k/s',
    },
    {
      ...most,
      figure: 'added latency, open loop 500/s, p50, ms',
      found: against(open, 'gateway', 'direct', 'p50', added),
      reach: 0.5,
      beyond: 0.3,
      reference: 'TensorZero 0.35 with logging off on 4 cores, Portkey 2.65',
    },
    {
      ...most,
      figure: 'added latency, open loop 500/s, p99, ms',
      found: against(open, 'gateway', 'direct', 'p99', added),
      reach: 2,
      beyond: 1,
      reference: 'TensorZero 0.94',
    },
    {
      ...most,
      figure: 'added time to first content, 100 streams at 50 events/s, p50, ms',
      found: against(spoken, 'gateway', 'direct', 'p50', added),
      reach: 0.7,
      beyond: 0.4,
      reference: 'Portkey sleeps 25',
    },
    {
      ...most,
      figure: 'added time to first content, 100 streams at 50 events/s, p99, ms',
      found: against(spoken, 'gateway', 'direct', 'p99', added),
      reach: 3,
      beyond: 1.5,
    },
    {
      ...most,
      figure: 'CPU a streamed event ÷ bare pass-through',
      found: against(streams, 'gateway', 'bare', 'cpu', ratios),
      reach: 1.15,
      beyond: 1,
    },
    {
      ...most,
      figure: 'requests/s without the SQL log ÷ with it',
      found: against(extras, 'unlogged', 'gateway', 'perSecond', ratios),
      reach: 1.1,
      beyond: 1.04,
      reference: 'others publish with logging off',
    },
    {
      ...least,
      figure: 'requests/s of cache hits ÷ requests without the cache',
      found: against(extras, 'hit', 'gateway', 'perSecond', ratios),
      reach: 1.5,
      beyond: 2.5,
    },
    {
      ...most,
      digits: 0,
      unit: ' MB',
      figure: 'RSS idle, before the first call',
      found: spread([results.rssIdle]),
      reach: 110,
      beyond: 80,
      reference: 'Portkey 112',
    },
    {
      ...most,
      digits: 0,
      unit: ' MB',
      figure: `RSS with ${(memory?.streams ?? 1_000).toLocaleString('en')} open streams`,
      found: spread([memory?.withStreams ?? Number.NaN]),
      reach: 250,
      beyond: 180,
      reference: 'Portkey 198–310 under load',
    },
    {
      ...most,
      digits: 1,
      unit: ' MB',
      figure: 'RSS for a 1 MB body on its way',
      found: spread([memory?.perBody ?? Number.NaN]),
      reach: 4,
      beyond: 2.5,
    },
    {
      ...most,
      digits: 1,
      figure: 'RSS for a 20 MB picture ÷ its size, the worst way',
      found: perPicture,
      reach: 3,
      beyond: 2,
    },
    {
      ...most,
      unit: ' s',
      figure: 'cold start to the first 200, fresh data directory',
      found: spread(starts.fresh.map((ms) => ms / 1_000)),
      reach: 0.8,
      beyond: 0.4,
      reference: 'GoModel 0.56, Portkey 1.1, Bifrost 7.1, LiteLLM 25',
    },
  ];
}
