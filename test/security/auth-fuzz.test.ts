import { describe, expect, it } from 'vitest';
import { createFronts } from '../../packages/server/src/fronts/index.ts';
import { routeTable } from '../../packages/server/src/http/routes.ts';
import { account } from '../support/account.ts';
import { standard } from '../support/standard.ts';
import { ask } from './support/asking.ts';
import { numberFrom, pick, seeded } from './support/chance.ts';
import { onAccounts } from './support/data.ts';

/* SEED and FUZZ (requests per route) choose another or a longer run. */
const SEED = numberFrom('SEED', 20_261_121);
const FUZZ = numberFrom('FUZZ', 60);
const OPERATOR = 'ib_admin_of_the_fuzz_0123456789';

const parts = standard({
  env: { INFERBRIDGE_ADMIN_KEY: OPERATOR },
  config: () => ({ importedKeys: true }),
});

const HOSTILE: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\uffff\u202e',
  '\r\nset-cookie: a=b',
  "'",
  '"',
  '`',
  '\\',
  ';--',
  "' or '1'='1",
  "'; drop table users; --",
  "x' union all values(1,2,3)--",
  '%',
  '%%%_',
  '%00',
  '%E0%A4%A',
  '..',
  '../../../../etc/passwd',
  '..%2f..%2f',
  '/',
  '//',
  '?',
  '#',
  '*',
  ':id',
  '{{7*7}}',
  '$\x7b7*7}',
  '<script>alert(1)</script>',
  '=cmd()',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'true',
  'NaN',
  'Infinity',
  '-1',
  '0',
  '-0',
  '1e309',
  '9007199254740993',
  '99999999999999999999999999',
  '0x10',
  '1;2',
  '1,2',
  '١٢٣',
  '2026-02-30T25:61:61Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999-23:59',
  '-271821-04-20T00:00:00Z',
  '+275760-09-13T00:00:00Z',
  '2026-01-01T00:00:00+99:99',
  '2026-01-01T00:00:00Z',
  'djE6MDAwMDAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw',
  'djE6',
  'a@b.c',
  'x'.repeat(3_000),
  '𝕏'.repeat(500),
  '(a+)+$'.repeat(50),
  '[['.repeat(500),
];
const NUMBERS = [0, -0, -1, 1, 1.5, 1e21, 1e308, 2 ** 31, 2 ** 53 - 1, 2 ** 53, -(2 ** 63), 5e-324];
/** These, and the empty one. */
const words = (text: string): readonly string[] => ['', ...text.split(' ')];
const FIELDS = words(
  'email signup_token provider api_key label base_url declared_region revoke_others limits rpm tpm ' +
    'usd_per_day usd_per_month note expires_in_hours model models messages role content input tools ' +
    'stream max_tokens metadata user_id id tenant_id __proto__ constructor toJSON',
);
const QUERIES = words(
  'limit cursor email since until status provider mode request_id start_date end_date format residency ' +
    '__proto__ constructor a[b]',
);

const random = seeded(SEED);
const text = () => pick(random, HOSTILE);

function value(depth = 0): unknown {
  const kind = random();
  if (kind < 0.55 || depth > 3) return text();
  if (kind < 0.7) return pick(random, NUMBERS);
  if (kind < 0.8) return pick(random, [null, true, false, [], {}]);
  if (kind < 0.88) return Array.from({ length: Math.floor(random() * 4) }, () => value(depth + 1));
  return fields(depth + 1);
}

const fields = (depth: number): object =>
  Object.fromEntries(
    Array.from({ length: Math.floor(random() * 5) }, () => [pick(random, FIELDS), value(depth)]),
  );

/** Mostly what a route takes, so that it gets past its first check, and one or two things that are not. */
const PLAUSIBLE: Readonly<Record<string, () => object>> = {
  '/v1/users': () => ({ email: `fuzz${random()}@example.com` }),
  '/v1/keys': () => ({
    provider: pick(random, ['openai', 'self_hosted']),
    api_key: 'k',
    declared_region: 'eu',
  }),
  '/v1/keys/:id': () => ({ label: 'mine' }),
  '/v1/admin/users': () => ({ email: `fuzz${random()}@example.com`, limits: { rpm: 1 } }),
  '/v1/admin/users/:id': () => ({ limits: { rpm: 1, usd_per_day: 1 } }),
  '/v1/route/explain': () => ({ model: 'ib/balanced', messages: [{ role: 'user', content: 'x' }] }),
};

function bodyOf(path: string): string {
  const kind = random();
  if (kind < 0.05)
    return pick(random, ['', '{', '[]', '"x"', 'null', '{"a":', '\ufeff{}', '{"a":1}{"b":2}', '\0']);
  if (kind < 0.1) return '['.repeat(20_000);
  const base = PLAUSIBLE[path]?.() ?? {};
  return JSON.stringify({ ...(random() < 0.7 && base), ...fields(0) });
}

function addressOf(path: string, known: readonly string[]): string {
  const encoded = (one: string) =>
    random() < 0.85 ? encodeURIComponent(one.toWellFormed()) : one.replace(/[^!-"$->@-~]/g, '%FF') || 'x';
  const place = path.replace(/[:*](\w+)/, () => encoded(random() < 0.3 ? pick(random, known) : text()));
  const queries = Array.from(
    { length: Math.floor(random() * 4) },
    () => `${encoded(pick(random, QUERIES))}=${encoded(text())}`,
  );
  const dates = path.endsWith('/export') && random() < 0.6 ? [DATES] : [];
  return `${place}?${[...dates, ...queries].join('&')}`;
}
const DATES = 'start_date=2026-10-01T00:00:00Z&end_date=2026-11-01T00:00:00Z';

/** Words of the machinery, none of which an outsider has sent. */
const INSIDE =
  /\bat (?:async )?[\w.<>]+ \(|node:internal|node_modules|packages\/|\.(?:ts|js):\d+|SQLITE|sqlite|syntax error|no such (?:table|column)|kysely|Zod|TypeError|RangeError|ReferenceError|cannot read propert/i;

const table = routeTable({ parts: {}, tierProviders: new Map(), aliases: new Map() } as never); // only paths are read
const fronts = createFronts({ strict: false }).map(({ path }) => ({ method: 'post', path, access: 'user' }));

describe(`hostile strings everywhere, seed ${SEED}`, () => {
  it.each([...table, ...fronts])(
    '$method $path: never a 5xx, never the inside',
    async ({ method, path, access }) => {
      const { gateway } = parts;
      let user = await account(gateway, path.includes('keys') ? ['groq'] : []);
      for (let i = 0; i < FUZZ; i++) {
        const key = access === 'operator' ? OPERATOR : user.key;
        const address = addressOf(path, [user.userId, '1', 'me', 'openai:gpt-6.1-terra']);
        const body = method === 'post' || method === 'patch' ? bodyOf(path) : undefined;
        const told = await ask(gateway, method.toUpperCase(), address, {
          headers: {
            ...(access !== 'public' && { authorization: `Bearer ${key}` }),
            'x-request-id': encodeURIComponent(text().toWellFormed()).slice(0, 200),
          },
          ...(body !== undefined && { body }),
        });
        const at = `${i}: ${method} ${address.slice(0, 300)} ${body?.slice(0, 600)}`;
        expect(told.status, `${at}\n${told.text.slice(0, 500)}`).toBeLessThan(500);
        expect(told.text.includes(gateway.dir), at).toBe(false);
        if (told.status >= 400) {
          const { error } = JSON.parse(told.text);
          expect(error, at).toMatchObject({ message: expect.any(String), type: expect.any(String) });
          expect(INSIDE.exec(told.text)?.[0] ?? null, `${at}\n${told.text}`).toBeNull();
          expect(told.headers['set-cookie'], at).toBeUndefined();
        }
        // it may have removed itself, or its key
        if (told.status === 204 || told.status === 401) user = await account(gateway);
      }
    },
  );

  it('and nothing is broken or gone after it', async () => {
    const { gateway } = parts;
    const after = await account(gateway, ['openai']);
    expect((await gateway.fetch('/v1/keys', { key: after.key })).status).toBe(200);
    expect((await gateway.fetch('/v1/admin/users', { key: OPERATOR })).status).toBe(200);
    expect((await gateway.fetch('/health')).status).toBe(200);
    onAccounts(gateway.dir, (db) => {
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
      expect(db.pragma('foreign_key_check')).toEqual([]);
      expect(db.prepare('select count(*) as n from users').get()).not.toEqual({ n: 0 });
    });
    expect(gateway.output()).not.toContain('failed unexpectedly');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
