import { describe, expect, it } from 'vitest';
import { account, events } from '../support/account.ts';
import { completion, refusal, streamed } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';

const TARGETS = ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b', 'mistral:mistral-medium-latest'];
const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    tags: { team: 'metadata.team', plan: 'header.X-Plan' },
    tiers: {
      race: { strategy: 'race', targets: TARGETS },
      hedge: {
        strategy: ['hedge', { afterMs: 60 }],
        targets: ['openai:gpt-6-luna', 'deepseek:deepseek-flash'],
      },
      trial: {
        strategy: ['ab', { weights: [1, 1], by: 'team', names: ['old', 'new'] }],
        targets: TARGETS.slice(0, 2),
      },
      mix: { strategy: ['weighted', { weights: [1, 0, 1] }], targets: TARGETS },
      fast: { strategy: 'latency', targets: TARGETS.slice(0, 2) },
      thrifty: { strategy: 'cheapest', targets: ['openai:gpt-6.1-sol', 'groq:openai/gpt-oss-20b'] },
      idle: { strategy: 'least-busy', targets: TARGETS.slice(0, 2) },
      sorted: {
        strategy: ['conditional', { when: [{ tags: { plan: 'gold' } }, { tools: false }] }],
        targets: TARGETS.slice(0, 2),
      },
      outer: { targets: ['trial', 'mistral:mistral-medium-latest'] },
      both: { strategy: 'race', targets: ['sorted', 'mistral:mistral-medium-latest'] },
    },
  }),
});
const ALL = ['openai', 'groq', 'mistral', 'deepseek'];
const both = (whole: Act, stream: Act): Act => ({ whole, stream });
const saying = (text: string, afterMs = 0): Act =>
  both({ ...completion(text), afterMs } as Act, { ...streamed(text), afterMs } as Act);
const HANG = { hang: true } as const;

async function textOf(response: Response, stream: boolean): Promise<string> {
  if (!stream) {
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    return choices[0]?.message.content ?? '';
  }
  const all = await events(response);
  expect(all.at(-1)).toBe('[DONE]');
  return all
    .map((event) => {
      const { choices = [] } = event as { choices?: { delta?: { content?: string } }[] };
      return choices[0]?.delta?.content ?? '';
    })
    .join('');
}

describe.each([
  ['streaming', true],
  ['not streaming', false],
])('%s', (_, stream) => {
  it.each([
    ['race', 'groq', 2],
    ['hedge', 'deepseek', 1],
  ])('a %s takes the first answer, and aborts and prices the others', async (model, winner, lost) => {
    const user = await account(parts.gateway, ALL);
    await parts.upstream.clear();
    parts.upstream.script('openai', HANG);
    parts.upstream.script('mistral', HANG);
    parts.upstream.script(winner, saying('This was faster.', 40));
    const messages = [{ role: 'user', content: 'word '.repeat(2_000) }];
    const response = await user.chat({ model, stream, messages });
    expect(await textOf(response, stream)).toBe('This was faster.');
    const answeredAt = Date.now();
    await expect.poll(parts.upstream.inFlight).toBe(0);
    const seen = await parts.upstream.seen();
    const losers = seen.filter(({ vendor }) => vendor !== winner);
    expect(losers).toHaveLength(lost);
    for (const { closedEarlyAt } of losers)
      expect((closedEarlyAt ?? Infinity) - answeredAt).toBeLessThan(100);
    const [row] = await user.logs();
    expect(row).toMatchObject({ status: 'success', provider: winner, strategy: model });
    for (const loser of row?.attempts.filter(({ provider }) => provider !== winner) ?? [])
      expect(loser).toMatchObject({
        outcome: 'aborted',
        cost_estimated: true,
        cost_usd: expect.stringMatching(/^0\.\d{6}$/),
      });
    expect(Number(row?.['attempts_cost_usd'])).toBeGreaterThan(Number(row?.cost_usd));
  });

  it('a hedge makes no copy where the first is fast', async () => {
    const user = await account(parts.gateway, ALL);
    await parts.upstream.clear();
    parts.upstream.script('openai', saying('At once.'));
    expect(await textOf(await user.chat({ model: 'hedge', stream }), stream)).toBe('At once.');
    expect((await parts.upstream.seen()).map(({ vendor }) => vendor)).toEqual(['openai']);
  });

  it('an experiment keeps a caller on an arm, writes it down, and does not spill', async () => {
    const user = await account(parts.gateway, ALL);
    parts.upstream.script('openai', saying('old'));
    parts.upstream.script('groq', both(refusal(500), refusal(500)));
    const outcomes = new Set<string>();
    for (const team of ['a', 'b', 'c', 'd', 'e', 'f'])
      for (let again = 0; again < 2; again++)
        outcomes.add(`${team} ${(await user.chat({ model: 'trial', stream, metadata: { team } })).status}`);
    expect(outcomes.size).toBe(6);
    const rows = await user.logs();
    expect(new Set(rows.map(({ arm }) => arm))).toEqual(new Set(['old', 'new']));
    for (const row of rows) {
      expect(row.status).toBe(row['arm'] === 'old' ? 'success' : 'error');
      expect(row['tags']).toMatchObject({ team: expect.any(String) });
    }
  });

  it('a condition sends to those who are meant, and says so where nobody is', async () => {
    const user = await account(parts.gateway, ALL);
    parts.upstream.script('openai', saying('gold'));
    parts.upstream.script('groq', saying('usual'));
    const ask = (body: object, headers = {}) => user.chat({ model: 'sorted', stream, ...body }, headers);
    expect(await textOf(await ask({}, { 'x-plan': 'gold' }), stream)).toBe('gold');
    expect(await textOf(await ask({}), stream)).toBe('usual');
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
    const refused = await ask({ tools });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { code: 'no_target', message: expect.stringContaining('conditional has no target of sorted') },
    });
  });
});

describe('an experiment', () => {
  it('has the same arm for a caller however its tier is reached', async () => {
    const user = await account(parts.gateway, ALL);
    parts.upstream.script('openai', saying('x'));
    parts.upstream.script('groq', saying('x'));
    parts.upstream.script('mistral', both(refusal(500), refusal(500)));
    for (const team of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      const metadata = { team };
      await user.chat({ model: 'trial', metadata });
      await user.chat({ model: 'outer', metadata });
      await user.chat({ models: ['trial'], metadata });
      await user.chat({ models: ['mistral:mistral-medium-latest', 'trial'], metadata });
      const arms = (await user.logs('?limit=4')).map(({ arm }) => arm);
      expect(new Set(arms).size, `${team}: ${arms}`).toBe(1);
    }
  });
});

describe('a tier', () => {
  it('may name another tier among its targets', async () => {
    const user = await account(parts.gateway, ALL);
    await parts.upstream.clear();
    parts.upstream.script('openai', HANG);
    parts.upstream.script('mistral', HANG);
    parts.upstream.script('groq', saying('from within'));
    expect(await textOf(await user.chat({ model: 'both' }), false)).toBe('from within');
    expect((await parts.upstream.seen()).map(({ vendor }) => vendor).sort()).toEqual(['groq', 'mistral']);
  });

  it('keeps weights at their targets where a caller lacks the key for one', async () => {
    const user = await account(parts.gateway, ['groq', 'mistral']);
    parts.upstream.script('mistral', saying('mistral'));
    parts.upstream.script('groq', saying('groq'));
    for (let i = 0; i < 8; i++)
      expect(await textOf(await user.chat({ model: 'mix' }), false)).toBe('mistral');
  });

  it('that goes by price asks the cheapest, one that goes by load spreads', async () => {
    const user = await account(parts.gateway, ALL);
    for (const vendor of ALL) parts.upstream.script(vendor, saying(vendor, 300));
    expect(await textOf(await user.chat({ model: 'thrifty' }), false)).toBe('groq');
    const many: Promise<string>[] = [];
    for (let i = 0; i < 4; i++) {
      many.push(user.chat({ model: 'idle' }).then((response) => textOf(response, false)));
      await expect.poll(parts.upstream.inFlight, { interval: 2 }).toBe(i + 1);
    }
    expect((await Promise.all(many)).sort()).toEqual(['groq', 'groq', 'openai', 'openai']);
  });

  it('that goes by latency learns who is fast', async () => {
    const user = await account(parts.gateway, ALL);
    parts.upstream.script('openai', saying('openai', 120));
    parts.upstream.script('groq', saying('groq', 5));
    const served: string[] = [];
    for (let i = 0; i < 12; i++) served.push(await textOf(await user.chat({ model: 'fast' }), false));
    expect(served.slice(2)).toEqual(Array.from({ length: 10 }, () => 'groq'));
  });
});
