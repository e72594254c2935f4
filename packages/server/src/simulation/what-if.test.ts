import { describe, expect, it } from 'vitest';
import { logRow } from '../../../../test/support/log-row.ts';
import { parseConfig } from '../config/parse.ts';
import type { RequestRow } from '../store/schema.ts';
import { chaos } from './chaos.ts';
import { whatIf } from './what-if.ts';

const tiers = {
  t: { targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'] },
  one: { targets: ['openai:gpt-6-luna'] },
};
const loaded = (config: object = { tiers }) => ({ config: parseConfig(config, { env: {} }), base: '/' });
const START = Date.UTC(2026, 10, 21) * 1000;
const OPENAI = { provider: 'openai', model: 'gpt-6-luna' };
const GROQ = { provider: 'groq', model: 'openai/gpt-oss-20b' };

const rowsOf = (
  count: number,
  about: Partial<RequestRow>,
  attempts: readonly object[],
  from = 0,
): RequestRow[] =>
  Array.from({ length: count }, (_, i) =>
    logRow({
      user_id: 'u',
      request_id: `${from + i}`,
      mode: 't',
      ...OPENAI,
      input_tokens: 100,
      output_tokens: 50,
      latency_ms: 500,
      cost_nano_usd: 1_000,
      created_at: START + (from + i) * 10_000_000,
      strategy: 'priority',
      attempts_cost_nano_usd: 1_000,
      attempts: attempts as RequestRow['attempts'],
      ...about,
    }),
  );
const ok = (target: object) => ({ ...target, outcome: 'ok', first_content_ms: 400, latency_ms: 500 });

describe('what-if', () => {
  it('remembers that a model was gone', async () => {
    const gone = { ...OPENAI, outcome: 'model_not_found', first_content_ms: null, latency_ms: 50 };
    const { after, guessed } = await whatIf({
      loaded: loaded(),
      seed: 1,
      rows: rowsOf(50, { ...GROQ, status: 'fallback_success' }, [gone, ok(GROQ)]),
    });
    expect(after).toMatchObject({ fallback_share: 1, mix: { 'groq:openai/gpt-oss-20b': 50 } });
    expect(guessed).toEqual({});
  });

  it('holds a caller’s short patience against nobody', async () => {
    const late = { ...OPENAI, outcome: 'timeout', first_content_ms: null, latency_ms: 446, blameless: true };
    const rows = [
      ...rowsOf(25, { mode: 'one' }, [ok(OPENAI)]),
      ...rowsOf(25, { status: 'error', error: 'timeout: every candidate failed' }, [late], 25),
    ];
    const { before, after, left_out: out } = await whatIf({ loaded: loaded(), seed: 1, rows });
    expect(before).toMatchObject({ requests: 25, success_rate: 1 });
    expect(after).toMatchObject({ success_rate: 1, fallback_share: 0 });
    expect(out).toEqual({ 'its caller waited too little': 25 });
  });

  it('takes a fire drill for one', async () => {
    const drilled = {
      ...OPENAI,
      outcome: 'server_error',
      first_content_ms: null,
      latency_ms: 5,
      fault: '500',
    };
    const rows = [...rowsOf(5, {}, [ok(OPENAI)]), ...rowsOf(5, { ...GROQ }, [drilled, ok(GROQ)], 5)];
    const { after, left_out: out } = await whatIf({ loaded: loaded(), seed: 1, rows });
    expect(after).toMatchObject({ requests: 5, fallback_share: 0 });
    expect(out).toEqual({ 'a fire drill': 5 });
  });

  it('passes over a provider that the other configuration has not', async () => {
    const acme = { provider: 'acme', model: 'x' };
    const { after } = await whatIf({
      loaded: loaded(),
      seed: 1,
      rows: rowsOf(3, acme, [ok(acme), ok(OPENAI)]),
    });
    expect(after.success_rate).toBe(1);
  });
});

describe('chaos', () => {
  it('tries streams and whole answers at whoever serves them', async () => {
    const { strategy, targets } = {
      strategy: ['conditional', { when: [{ stream: true }, { stream: false }] }],
      targets: tiers.t.targets,
    };
    const { scores } = await chaos({
      loaded: loaded({ tiers: { split: { strategy, targets } } }),
      seed: 1,
      keys: ['openai', 'groq'],
    });
    const own = scores.filter(({ tier, fault }) => tier === 'split' && fault === '500');
    expect(own.map(({ stream, victim, result }) => [stream, victim, result])).toEqual([
      [false, 'groq', 'lost'],
      [true, 'openai', 'lost'],
    ]);
  });
});
