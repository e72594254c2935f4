import { verify } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Account, account } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { python } from '../support/python.ts';
import { standard, vendors } from '../support/standard.ts';

const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    tiers: {
      'günstig ☂': { targets: ['openai:gpt-6-luna'] },
      eu: { targets: ['mistral:mistral-medium-latest'] },
    },
  }),
});
const HELLO = { whole: completion('Hello.'), stream: streamed('Hello.') };
const day = (from: number) => encodeURIComponent(new Date(Date.now() + from * 86_400_000).toISOString());
const RANGE = `start_date=${day(-1)}&end_date=${day(1)}`;
const get = (user: Account, query: string) =>
  parts.gateway.fetch(`/v1/audit/export?${query}`, { key: user.key });

async function used(): Promise<Account> {
  const user = await account(parts.gateway, ['openai', 'mistral']);
  parts.upstream.script('openai', HELLO);
  parts.upstream.script('mistral', HELLO);
  for (const model of ['günstig ☂', 'günstig ☂', 'eu']) await (await user.chat({ model })).text();
  await (
    await user.chat(
      { model: 'eu', messages: [{ role: 'user', content: '☂' }] },
      { 'x-inferbridge-cache': 'true' },
    )
  ).text();
  return user;
}

/** As a user would check a report, in four lines. */
const CHECK = `import json, hashlib, sys
report = json.load(open(sys.argv[1], encoding='utf-8'))
report.pop('signature')
print(hashlib.sha256(json.dumps(report, sort_keys=True, separators=(',', ':')).encode()).hexdigest())`;

describe('the audit export', () => {
  it('is a report of all that a user asked, summed and listed', async () => {
    const user = await used();
    const response = await get(user, RANGE);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="audit-.*\.json"$/);
    const report = (await response.json()) as Record<string, never>;
    expect(report).toMatchObject({
      report_version: '1.0',
      user_id: user.userId,
      filters: { residency: null },
      summary: {
        total_requests: 4,
        cache_hits: 0,
        by_provider: { mistral: { requests: 2 } },
        by_residency: { eu: { requests: 2 } },
        by_status: { success: { requests: 4 } },
      },
      signature: { algorithm: 'sha256', value: response.headers.get('x-inferbridge-audit-signature') },
    });
    expect(report['records']).toHaveLength(4);
    await expect.poll(() => readdirSync(join(parts.gateway.dir, 'data/reports'))).toEqual([]);
  });

  it('holds one bucket alone where that is asked for', async () => {
    const report = (await (await get(await used(), `${RANGE}&residency=eu`)).json()) as {
      records: { provider: string }[];
    };
    expect(report.records.map(({ provider }) => provider)).toEqual(['mistral', 'mistral']);
  });

  it('is signed: anybody with the public key can tell who made it', async () => {
    const report = (await (await get(await used(), RANGE)).json()) as {
      signature: { value: string; ed25519: { key_id: string; value: string } };
    };
    const key = (await (await parts.gateway.fetch('/v1/audit/public-key')).json()) as Record<string, string>;
    const { value, ed25519 } = report.signature;
    expect(key).toMatchObject({ algorithm: 'ed25519', key_id: ed25519.key_id });
    const signed = (text: string) =>
      verify(null, Buffer.from(text), key['public_key'] ?? '', Buffer.from(ed25519.value, 'base64'));
    expect([signed(value), signed(value.replace(/^./, (digit) => (digit === '0' ? '1' : '0')))]).toEqual([
      true,
      false,
    ]);
  });

  it('has the digest that Python recomputes, whatever stands in a record', async ({ skip }) => {
    const { missing, run } = await python('plain', []);
    if (missing !== null) return skip(missing);
    const user = await used();
    await (await user.chat({ model: 'openai:gpt\u007f\u2028\ud83d\ude00x' })).text();
    const response = await get(user, RANGE);
    const file = join(parts.gateway.dir, 'report.json');
    writeFileSync(file, await response.text());
    expect((await run(CHECK, file)).stdout.trim()).toBe(
      response.headers.get('x-inferbridge-audit-signature'),
    );
  });

  it('is a PDF as well, with the report attached', async () => {
    const response = await get(await used(), `${RANGE}&format=pdf`);
    expect(response.headers.get('content-type')).toBe('application/pdf');
    const pdf = Buffer.from(await response.arrayBuffer());
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(pdf.includes('audit-report.json')).toBe(true);
    expect(pdf.subarray(-6).toString().trim()).toBe('%%EOF');
  });

  it.each([
    ['', 'start_date'],
    [`start_date=${day(-1)}`, 'end_date'],
    [`start_date=yesterday&end_date=${day(0)}`, 'start_date'],
    [`start_date=2026-01-01T00:00:00&end_date=${day(0)}`, 'start_date'],
    [`start_date=${day(0)}&end_date=${day(-1)}`, 'start_date'],
    [`start_date=${day(-91)}&end_date=${day(0)}`, 'start_date'],
    [`${RANGE}&format=xml`, 'format'],
  ])('refuses %j, naming %s', async (query, param) => {
    const response = await get(await account(parts.gateway), query);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ error: { param, code: 'validation_error' } });
  });

  it('shows nothing of another user', async () => {
    await used();
    const report = (await (await get(await account(parts.gateway), RANGE)).json()) as { records: [] };
    expect(report.records).toEqual([]);
  });
});
