import { added, groupedBy, loggedRow, usdOfNano } from '../../compat/log.ts';
import type { RequestLog, Sum } from '../../store/request-log.ts';
import { microsOf } from '../../store/row-codec.ts';
import type { RequestRow } from '../../store/schema.ts';
import { DAY_MICROS, isoMicros, micros } from '../../store/time.ts';
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
          ? until - DEFAULT_RANGE_DAYS * DAY_MICROS
          : instant('since', query['since']);
      if (since >= until) throw unprocessable('since', 'since: must lie before until');
      if (until - since > LONGEST_RANGE_DAYS * DAY_MICROS)
        throw unprocessable('since', `since: at most ${LONGEST_RANGE_DAYS} days before until`);
      await flushLogs();
      const sums = await requestLog.sums(user.id, since, until);
      return {
        status: 200,
        body: {
          range: { since: isoMicros(since), until: isoMicros(until) },
          totals: totals(sums),
          by_mode: groupedBy(sums, 'mode'),
          by_provider: groupedBy(sums, 'provider'),
          by_residency: groupedBy(sums, 'residency'),
          by_status: groupedBy(sums, 'status'),
          pricing: { last_updated: pricesUpdated },
        },
      };
    },
  },
];

const shownRow = (row: RequestRow) => ({
  ...loggedRow(row),
  strategy: row.strategy,
  stream: row.stream,
  tools: row.tools,
  images: row.images,
  attempts_cost_usd: usdOfNano(row.attempts_cost_nano_usd),
  attempts: row.attempts,
  arm: row.arm,
  tags: row.tags ?? {},
  route: row.route,
});

function totals(sums: readonly Sum[]) {
  const add = (pick: (sum: Sum) => number) => added(sums, pick);
  const requests = add((sum) => sum.requests);
  const hits = add((sum) => sum.cacheHits);
  const called = requests - hits;
  const latency = add((sum) => sum.latencyMs);
  return {
    requests,
    cost_usd: usdOfNano(add((sum) => sum.costNanoUsd)),
    unpriced_requests: add((sum) => sum.unpriced),
    input_tokens: add((sum) => sum.inputTokens),
    output_tokens: add((sum) => sum.outputTokens),
    cache_hits: hits,
    cache_hit_rate: requests > 0 ? hits / requests : 0,
    avg_latency_ms: called > 0 ? Math.round(latency / called) : 0,
  };
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
