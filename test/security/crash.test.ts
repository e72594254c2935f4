import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { completion } from '../support/answers.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { vendors } from '../support/standard.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { call } from './support/asking.ts';
import { numberFrom, pick, seeded } from './support/chance.ts';
import { openFile } from './support/data.ts';

/* SEED and ROUNDS choose another or a longer run: ROUNDS=200 is some minutes. */
const SEED = numberFrom('SEED', 20_261_121);
const ROUNDS = numberFrom('ROUNDS', 20);
/** A row waits at most 200 ms for its batch; the rest is what the batch itself may take. */
const UNFLUSHED_MS = 250;
const LIMITS = { limits: { signupsPerMinute: 1_000_000, inFlight: 10_000 } };

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
  upstream.script('openai', completion('Hello.'));
  upstream.script('groq', completion('Hello.'));
});
afterAll(() => upstream.close());

interface Member {
  readonly id: string;
  readonly key: string;
  readonly secrets: Map<string, string>;
}

/** Everything that was acknowledged to a client, and when. */
interface Acknowledged {
  readonly members: Member[];
  readonly chats: { readonly requestId: string; readonly at: number }[];
}

const chat = (gateway: TestGateway, { key }: Member, provider: string, id: string) =>
  gateway.fetch('/v1/chat/completions', {
    method: 'POST',
    key,
    headers: { 'x-request-id': id },
    body: JSON.stringify({ model: `${provider}:m`, messages: [{ role: 'user', content: 'x' }] }),
  });

/** Signs up, registers keys and chats until the gateway is gone; a `fetch` that fails was not acknowledged. */
async function client(gateway: TestGateway, told: Acknowledged, random: () => number): Promise<void> {
  for (;;) {
    const member = told.members.length > 0 ? pick(random, told.members.slice(-10)) : null;
    const what = random();
    try {
      if (!member || what < 0.2) {
        const { status, body } = await call(gateway, '', 'POST', '/v1/users', {
          email: `${randomUUID()}@example.com`,
        });
        if (status !== 201) throw new RangeError(`sign-up: ${status}`);
        told.members.push({ id: body.user_id, key: body.api_key, secrets: new Map() });
      } else if (what < 0.4) {
        const provider = pick(random, ['openai', 'groq']);
        const secret = `sk-${randomUUID()}`;
        if (member.secrets.has(provider)) continue;
        member.secrets.set(provider, '');
        const { status } = await call(gateway, member.key, 'POST', '/v1/keys', { provider, api_key: secret });
        if (status !== 201) throw new RangeError(`key: ${status}`);
        member.secrets.set(provider, secret);
      } else {
        const [provider] = [...member.secrets].find(([, secret]) => secret !== '') ?? [];
        if (!provider) {
          await pause(1);
          continue;
        }
        const requestId = randomUUID();
        const response = await chat(gateway, member, provider, requestId);
        await response.text();
        if (response.status !== 200) throw new RangeError(`chat: ${response.status}`);
        told.chats.push({ requestId, at: performance.now() });
      }
    } catch (error) {
      if (error instanceof RangeError) throw error;
      return;
    }
  }
}

/** Requests of these that have no row. */
function missing(dir: string, chats: Acknowledged['chats']): Acknowledged['chats'] {
  const db = openFile(dir, 'logs.sqlite', true);
  const rows = db.prepare('select request_id from calls').pluck().all();
  db.close();
  const known = new Set(rows);
  return chats.filter(({ requestId }) => !known.has(requestId));
}

function intact(dir: string): void {
  const names = readdirSync(join(dir, 'data'));
  expect(names.filter((name) => name.includes('damaged'))).toEqual([]);
  for (const name of names.filter((one) => one.endsWith('.sqlite'))) {
    const db = openFile(dir, name, true);
    expect([name, db.pragma('integrity_check', { simple: true })]).toEqual([name, 'ok']);
    expect([name, db.pragma('foreign_key_check')]).toEqual([name, []]);
    db.close();
  }
}

/** Every user, and every key as the provider gets it. */
async function allThere(gateway: TestGateway, members: readonly Member[]): Promise<void> {
  await upstream.clear();
  const wanted = new Map<string, string>();
  for (const member of members) {
    const { status, body } = await call(gateway, member.key, 'GET', '/v1/users/me');
    expect([status, body.user_id]).toEqual([200, member.id]);
    for (const [provider, secret] of member.secrets) {
      if (secret === '') continue;
      const id = randomUUID();
      wanted.set(`Bearer ${secret}`, provider);
      expect((await chat(gateway, member, provider, id)).status).toBe(200);
    }
  }
  const seen = await upstream.seen();
  expect(new Map(seen.map(({ headers, vendor }) => [headers['authorization'], vendor]))).toEqual(wanted);
}

it(
  `keeps what it acknowledged over kill -9 at any moment, ${ROUNDS} times, seed ${SEED}`,
  async () => {
    const random = seeded(SEED);
    const config = { ...LIMITS, providers: vendors(upstream.url) };
    let gateway = await startGateway({ config });
    const { dir } = gateway;
    const totals = { members: 0, keys: 0, chats: 0, lost: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const told: Acknowledged = { members: [], chats: [] };
      const clients = [1, 2, 3, 4].map(() => client(gateway, told, random));
      await pause(50 + random() * 400);
      const killedAt = performance.now();
      await gateway.kill('SIGKILL');
      await Promise.all(clients);

      gateway = await startGateway({ config, dir });
      intact(dir);
      await allThere(gateway, told.members);
      const lost = missing(dir, told.chats);
      for (const { at } of lost) expect(killedAt - at, `round ${round}`).toBeLessThan(UNFLUSHED_MS);
      // what is missing is the end, not something in the middle
      const firstLost = told.chats.indexOf(lost[0] ?? told.chats[0] ?? { requestId: '', at: 0 });
      if (lost.length > 0) expect(told.chats.length - firstLost).toBeLessThan(lost.length + 8);
      totals.members += told.members.length;
      totals.keys += told.members.reduce((sum, { secrets }) => sum + secrets.size, 0);
      totals.chats += told.chats.length;
      totals.lost += lost.length;
    }
    expect(gateway.output()).not.toContain('cannot be decrypted');
    await gateway.close();
    // it was under load: else all of this says nothing
    expect(Math.min(totals.members, totals.keys, totals.chats) / ROUNDS).toBeGreaterThan(2);
  },
  40_000 + ROUNDS * 5_000,
);

it('loses no row on SIGTERM in the middle of it', async () => {
  const random = seeded(SEED + 1);
  const config = { ...LIMITS, providers: vendors(upstream.url) };
  const gateway = await startGateway({ config });
  for (let round = 0; round < 3; round++) {
    const at = round === 0 ? gateway : await startGateway({ config, dir: gateway.dir });
    const told: Acknowledged = { members: [], chats: [] };
    const clients = [1, 2, 3, 4].map(() => client(at, told, random));
    for (let i = 0; i < 200 && told.chats.length < 3; i++) await pause(50);
    await pause(random() * 300);
    expect(await at.stop()).toBe(0);
    await Promise.all(clients);
    expect(told.chats.length).toBeGreaterThan(2);
    expect(missing(gateway.dir, told.chats)).toEqual([]);
    intact(gateway.dir);
  }
  rmSync(gateway.dir, { recursive: true, force: true });
});
