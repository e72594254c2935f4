import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, refusal } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';
import { asking, fields, MICROS, SIX_DECIMALS } from './wire.ts';

const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    tiers: {
      'naïve ☂ 🚀': { targets: ['openai:gpt-6-luna'], retries: 0 },
      eu: { targets: ['mistral:mistral-medium-latest'], retries: 0 },
    },
  }),
});
const iso = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
const range = (from: number, until: number) =>
  `start_date=${encodeURIComponent(iso(from))}&end_date=${encodeURIComponent(iso(until))}`;

async function used() {
  const user = await account(parts.gateway, ['openai', 'mistral']);
  parts.upstream.script('openai', completion('Hello.'));
  parts.upstream.script('mistral', completion('Hello.'), refusal(500));
  const cached = { 'x-inferbridge-cache': 'true' };
  for (let i = 0; i < 2; i++) await user.chat({ model: 'naïve ☂ 🚀' }, cached);
  for (let i = 0; i < 2; i++) await user.chat({ model: 'eu' });
  return {
    user,
    get: (query: string) => parts.gateway.fetch(`/v1/audit/export?${query}`, { key: user.key }),
  };
}

/** As Python's json.dumps with sorted keys, no white space and ASCII alone writes it. */
function dumps(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(dumps).join(',')}]`;
  if (value !== null && typeof value === 'object')
    return `{${Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => `${dumps(name)}:${dumps(inner)}`)
      .join(',')}}`;
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

describe('the JSON report', () => {
  it('has the documented fields, all of them', async () => {
    const { user, get } = await used();
    const response = await get(`${range(-1, 1)}&format=json`);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('application/json'),
    ]);
    const report = (await response.json()) as Record<string, unknown>;
    expect(fields(report)).toEqual([
      'date_range',
      'filters',
      'generated_at',
      'records',
      'report_version',
      'signature',
      'summary',
      'user_id',
    ]);
    expect(report).toMatchObject({
      report_version: '1.0',
      generated_at: expect.stringMatching(MICROS),
      user_id: user.userId,
      date_range: { start: expect.stringMatching(MICROS), end: expect.stringMatching(MICROS) },
      filters: { residency: null },
      summary: {
        total_requests: 4,
        total_input_tokens: expect.any(Number),
        total_output_tokens: expect.any(Number),
        total_cost_usd: expect.stringMatching(SIX_DECIMALS),
        cache_hits: 1,
        by_provider: { openai: { requests: 1 }, cache: { requests: 1 }, mistral: { requests: 1 } },
        by_residency: expect.any(Object),
        by_status: { success: { requests: 2 }, cache_hit: { requests: 1 }, error: { requests: 1 } },
      },
      signature: { algorithm: 'sha256', value: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    const ids = (report['records'] as { request_id: string }[]).map(({ request_id: id }) => id);
    expect(ids.sort()).toEqual((await user.logs()).map(({ request_id: id }) => id).sort());
  });

  it('is what one gets without asking for a format', async () => {
    const { get } = await used();
    expect((await get(range(-1, 1))).headers.get('content-type')).toContain('application/json');
  });

  it('is digested without its signature: keys sorted, no white space, non-ASCII escaped; the header says the same', async () => {
    const { get } = await used();
    const response = await get(range(-1, 1));
    const { signature, ...rest } = (await response.json()) as { signature: { value: string } };
    expect(JSON.stringify(rest)).toContain('☂');
    const digest = createHash('sha256').update(dumps(rest)).digest('hex');
    expect([signature.value, response.headers.get('x-inferbridge-audit-signature')]).toEqual([
      digest,
      digest,
    ]);
  });

  it('of one residency says so, and sums nothing else', async () => {
    const { get } = await used();
    const report = (await (await get(`${range(-1, 1)}&residency=eu`)).json()) as Record<string, never>;
    expect(report).toMatchObject({
      filters: { residency: 'eu' },
      summary: { total_requests: 1, by_residency: { eu: { requests: 1 } } },
      records: [{ provider: 'mistral', residency_actual: 'eu' }],
    });
  });

  it('begins and ends where it is asked to', async () => {
    const { get } = await used();
    const report = (await (await get(range(-3, -2))).json()) as { records: unknown[]; summary: object };
    expect(report).toMatchObject({ records: [], summary: { total_requests: 0, total_cost_usd: '0.000000' } });
  });
});

it('the PDF holds the same, as an attachment, with the digest beside it', async () => {
  const { get } = await used();
  const response = await get(`${range(-1, 1)}&format=pdf`);
  expect(response.headers.get('content-type')).toBe('application/pdf');
  expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="[^"]+\.pdf"$/);
  const digest = response.headers.get('x-inferbridge-audit-signature');
  const pdf = Buffer.from(await response.arrayBuffer());
  const attached = streamsOf(pdf).find((text) => text.includes('"report_version"')) ?? '';
  const { signature, ...rest } = JSON.parse(attached) as { signature: { value: string } };
  expect([signature.value, createHash('sha256').update(dumps(rest)).digest('hex')]).toEqual([digest, digest]);
});

it.each([
  ['start_date', `end_date=${encodeURIComponent(iso(0))}`],
  ['end_date', `start_date=${encodeURIComponent(iso(-1))}`],
  ['start_date', 'start_date=2026-01-01&end_date=2026-01-02T00:00:00Z'],
  ['end_date', 'start_date=2026-01-01T00:00:00Z&end_date=2026-01-02T00:00:00'],
  ['start_date', range(-90.1, 0)],
  ['start_date', range(0, -1)],
  ['format', `${range(-1, 0)}&format=csv`],
])('a bad %s is a 422 that names it: %s', async (param, query) => {
  const { key } = await account(parts.gateway);
  const { status, body } = await asking(() => parts.gateway, key)('GET', `/v1/audit/export?${query}`);
  expect([status, body.error.param]).toEqual([422, param]);
});

it('ninety days are taken', async () => {
  const { key } = await account(parts.gateway);
  const answer = await asking(() => parts.gateway, key)('GET', `/v1/audit/export?${range(-90, 0)}`);
  expect(answer.status).toBe(200);
});

/** What the streams of a PDF hold, unpacked. */
function streamsOf(pdf: Buffer): string[] {
  const found: string[] = [];
  for (let at = pdf.indexOf('stream\n'); at >= 0; at = pdf.indexOf('stream\n', at + 1)) {
    const end = pdf.indexOf('\nendstream', at);
    if (end < 0) break;
    const bytes = pdf.subarray(at + 7, end);
    try {
      found.push(inflateSync(bytes).toString('utf8'));
    } catch {
      found.push(bytes.toString('utf8')); // not every stream is packed
    }
  }
  return found;
}
