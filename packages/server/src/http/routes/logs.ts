import type { RequestLog, Sum } from '../../store/request-log.ts';
import { microsOf } from '../../store/row-codec.ts';
import type { RequestRow } from '../../store/schema.ts';
import { isoMicros, micros } from '../../store/time.ts';
import { unprocessable } from '../http-error.ts';
import type { Route } from '../routes.ts';
import { instant } from './instant.ts';

export interface LogOptions {
  readonly requestLog: RequestLog;
  /** Rows that wait are written first, so that a reader sees what has happened. */
  readonly flushLogs: () => Promise<void>;
  readonly wall: () => number;
  readonly pricesUpdated: string;
}

const DEFAULT_LIMIT = 100;
const MOST_LIMIT = 1000;
const STATUSES = ['success', 'fallback_success', 'cache_hit', 'error'];
const DAY_MS = 86_400_000;
const LONGEST_RANGE_DAYS = 90;
const DEFAULT_RANGE_DAYS = 7;

export const logRoutes = ({ requestLog, flushLogs, wall, pricesUpdated }: LogOptions): readonly Route[] => [
  {
    method: 'get',
    path: '/v1/logs',
    access: 'user',
    async handle({ user, query }) {
      const limit = limitOf(query['limit']);
      const since = query['since'] === undefined ? null : instant('since', query['since']);
      const after = query['cursor'] === undefined ? null : readCursor(query['cursor']);
      const { status, provider, mode, request_id: requestId } = query;
      if (status !== undefined && !STATUSES.includes(status))
        throw unprocessable('status', `status: one of ${STATUSES.join(', ')} is wanted`);
      await flushLogs();
      const rows = await requestLog.page(user.id, {
        since,
        limit,
        after,
        ...(status && { status }),
        ...(provider && { provider }),
        ...(mode && { mode }),
        ...(requestId && { requestId }),
      });
      const last = rows.at(-1);
      return {
        status: 200,
        body: {
          data: rows.map(shownRow),
          next_cursor: rows.length === limit && last ? writeCursor(last.id ?? '') : null,
        },
      };
    },
  },
  {
    method: 'get',
    path: '/v1/stats',
    access: 'user',
    async handle({ user, query }) {
      const now = micros(wall());
      const until = query['until'] === undefined ? now : instant('until', query['until']);
      const since =
        query['since'] === undefined
          ? until - DEFAULT_RANGE_DAYS * DAY_MS * 1000
          : instant('since', query['since']);
      if (since >= until) throw unprocessable('since', 'since: must lie before until');
      if (until - since > LONGEST_RANGE_DAYS * DAY_MS * 1000)
        throw unprocessable('since', `since: at most ${LONGEST_RANGE_DAYS} days before until`);
      await flushLogs();
      const sums = await requestLog.sums(user.id, since, until);
      return {
        status: 200,
        body: {
          range: { since: isoMicros(since), until: isoMicros(until) },
          totals: totals(sums),
          by_mode: summedBy(sums, 'mode'),
          by_provider: summedBy(sums, 'provider'),
          by_residency: summedBy(sums, 'residency'),
          by_status: summedBy(sums, 'status'),
          pricing: { last_updated: pricesUpdated },
        },
      };
    },
  },
];

const nano = (value: number | null): string => ((value ?? 0) / 1e9).toFixed(6);

function shownRow(row: RequestRow) {
  return {
    id: row.id,
    request_id: row.request_id,
    mode: row.mode,
    provider: row.provider,
    model: row.model,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    latency_ms: row.latency_ms,
    cost_usd: nano(row.cost_nano_usd),
    cache_hit: row.cache_hit,
    status: row.status,
    error: row.error,
    residency_requested: row.residency_requested,
    residency_actual: row.residency_actual,
    created_at: isoMicros(row.created_at),
    strategy: row.strategy,
    stream: row.stream,
    tools: row.tools,
    images: row.images,
    attempts_cost_usd: nano(row.attempts_cost_nano_usd),
    attempts: row.attempts,
    arm: row.arm,
    tags: row.tags ?? {},
    route: row.route,
  };
}

function totals(sums: readonly Sum[]) {
  const add = (pick: (sum: Sum) => number) => sums.reduce((total, sum) => total + pick(sum), 0);
  const requests = add((sum) => sum.requests);
  const hits = add((sum) => sum.cacheHits);
  const called = requests - hits;
  const latency = add((sum) => sum.latencyMs);
  return {
    requests,
    cost_usd: nano(add((sum) => sum.costNanoUsd)),
    unpriced_requests: add((sum) => sum.unpriced),
    input_tokens: add((sum) => sum.inputTokens),
    output_tokens: add((sum) => sum.outputTokens),
    cache_hits: hits,
    cache_hit_rate: requests > 0 ? hits / requests : 0,
    avg_latency_ms: called > 0 ? Math.round(latency / called) : 0,
  };
}

function summedBy(sums: readonly Sum[], by: 'mode' | 'provider' | 'residency' | 'status') {
  const groups = Map.groupBy(sums, (sum) => sum[by] ?? 'none');
  return Object.fromEntries(
    [...groups].map(([key, group]) => {
      const add = (pick: (sum: Sum) => number) => group.reduce((total, sum) => total + pick(sum), 0);
      return [
        key,
        {
          requests: add((sum) => sum.requests),
          cost_usd: nano(add((sum) => sum.costNanoUsd)),
          input_tokens: add((sum) => sum.inputTokens),
          output_tokens: add((sum) => sum.outputTokens),
        },
      ];
    }),
  );
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MOST_LIMIT)
    throw unprocessable('limit', `limit: a whole number from 1 to ${MOST_LIMIT} is wanted`);
  return limit;
}

const writeCursor = (id: string): string => Buffer.from(`v1:${id}`).toString('base64url');

function readCursor(text: string): number {
  const [version, id = ''] = Buffer.from(text, 'base64url').toString('latin1').split(':');
  const seq = version === 'v1' && writeCursor(id) === text ? microsOf(id) : null;
  if (seq === null) throw unprocessable('cursor', 'cursor: pass on next_cursor as it came');
  return seq;
}
