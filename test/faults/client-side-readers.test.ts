import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { PROMPT } from '../support/account.ts';
import { type RawClient, rawClient, rawRequest } from '../support/fault-server-client.ts';
import { ask, customer, rig, rssOf, SECOND } from '../support/fault-server-rig.ts';
import { end, eventsIn, fault, SSE, write } from '../support/fault-server-words.ts';

const parts = rig();

const STALLED = 60;
const [role = '', word = '', ...others] = eventsIn('openai', 'word ');
const asked = (model: string) => JSON.stringify({ model, messages: PROMPT, stream: true });
const clients: RawClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.leave();
});

/** One more client that asks for a stream and reads nothing of it. */
async function stalled(key: string, model: string): Promise<void> {
  const client = await rawClient(parts.gateway);
  clients.push(client);
  client.stall();
  client.send(rawRequest({ key, body: asked(model) }));
}

it(`${STALLED} readers that read nothing cost little memory, and nobody else much time`, async () => {
  const endless = { fill: word, times: 200_000 };
  await parts.faulty.script(fault(write(SSE + role), endless, write(others.join('')), end));
  const user = await customer(parts, 'openai');
  for (let i = 0; i < STALLED; i++) await stalled(user.key, 'openai/roomy');
  for (let i = 0; i < 50 && (await parts.faulty.witnessed()).open < STALLED; i++) await wait(100);
  expect((await parts.faulty.witnessed()).open).toBe(STALLED);
  await settled();
  expect(rssOf(parts)).toBeLessThan(600);
  const spent: number[] = [];
  for (let i = 0; i < 30; i++) {
    const startedAt = Date.now();
    const response = await user.chat({ model: 'healthy:m' });
    expect(await response.text()).toContain(SECOND);
    spent.push(Date.now() - startedAt);
  }
  expect(spent.sort((a, b) => a - b)[28]).toBeLessThan(150);
  for (const client of clients.splice(0)) client.leave();
  await wait(300);
  expect((await parts.faulty.witnessed()).open).toBe(0);
});

/** Until the gateway does nothing any more: all that could be read ahead has been read. */
async function settled(): Promise<void> {
  const ticks = () => {
    const fields = readFileSync(`/proc/${parts.gateway.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  for (let i = 0; i < 30; i++) {
    const before = ticks();
    await wait(200);
    if (ticks() - before < 3) return;
  }
}

it('a reader that is slow gets every byte', async () => {
  const times = 40_000;
  await parts.faulty.script(fault(write(SSE + role), { fill: word, times }, write(others.join('')), end));
  const user = await customer(parts);
  const response = await user.chat({ model: 'compatible/roomy', stream: true });
  const reader = response.body?.getReader();
  let length = 0;
  let pauses = 0;
  let tail = '';
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    length += piece.value.length;
    tail = (tail + Buffer.from(piece.value).toString()).slice(-200);
    if (length / 400_000 > pauses && pauses < 15) {
      pauses += 1;
      await wait(40);
    }
  }
  expect(tail.endsWith('data: [DONE]\n\n')).toBe(true);
  expect(length).toBeGreaterThan(times * 100);
  const [row] = await user.logs();
  expect(row).toMatchObject({ status: 'success', input_tokens: 10, output_tokens: 5 });
});

it('a silence that is the reader’s own is not held against the provider', async () => {
  await parts.faulty.script(
    fault(write(SSE + role), { fill: word, times: 100_000 }, write(others.join('')), end),
  );
  const user = await customer(parts);
  await stalled(user.key, 'compatible/two');
  await wait(800);
  expect((await parts.faulty.witnessed()).open).toBe(1);
  for (const client of clients.splice(0)) client.leave();
  await wait(100);
  expect((await user.logs())[0]).toMatchObject({ error: expect.stringContaining('client_closed') });
  expect((await ask(parts, { user, stream: true })).attempts.map(([, outcome]) => outcome)).toEqual(['ok']);
});
