import { describe, expect, it } from 'vitest';
import type { Account } from './account.ts';
import type { Fault } from './fault-server.ts';
import { ask, dialectOf, type First, type Rig, SECOND } from './fault-server-rig.ts';
import { FIRST, sound } from './fault-server-words.ts';

/** One way to fail before anything has been sent to the client, and what must become of it. */
export interface Failing {
  readonly name: string;
  readonly fault: Fault | { readonly whole: Fault; readonly stream: Fault };
  /** What the trail says of the provider that failed. */
  readonly outcome: string;
  /** What the client gets where there is nobody else. */
  readonly status: number;
  readonly code?: string;
  /** Default both. */
  readonly only?: 'whole' | 'stream';
  /** It takes the gateway some time to read so much. */
  readonly large?: true;
}

const faultOf = ({ fault }: Failing, stream: boolean): Fault => {
  if ('steps' in fault) return fault;
  return stream ? fault.stream : fault.whole;
};

const concerns = ({ only }: Failing, stream: boolean): boolean => only !== (stream ? 'whole' : 'stream');

/** Runs each of them whole and streamed, with a second provider and without. */
export function passedOver(parts: Rig, cases: readonly Failing[], first: First = 'compatible'): void {
  const ways = [false, true].filter((stream) => cases.some((failing) => concerns(failing, stream)));
  describe.each(ways)(`${first} first, stream: %s`, (stream) => {
    for (const failing of cases.filter((one) => concerns(one, stream))) {
      const { name } = failing;
      it(`${name} goes to the second provider, whose answer alone is sent`, () =>
        goesOn(parts, failing, first, stream));
      it(`${name} is an honest ${failing.status} where there is nobody else`, () =>
        honest(parts, failing, first, stream));
    }
  });
}

async function goesOn(parts: Rig, failing: Failing, first: First, stream: boolean): Promise<void> {
  await parts.faulty.script(faultOf(failing, stream));
  const told = await ask(parts, { first, stream, tier: failing.large ? 'roomy' : 'two' });
  expect(told.error).toBeNull();
  expect([told.status, told.text, told.done]).toEqual([200, SECOND, stream]);
  expect(told.attempts).toEqual([
    [first, failing.outcome],
    ['healthy', 'ok'],
  ]);
  expect(told.row).toMatchObject({ status: 'fallback_success', provider: 'healthy', error: null });
  expect(told.row?.attempts[0]?.why).toEqual(expect.any(String));
  await stillServes(parts, told.user, first, stream);
}

async function honest(parts: Rig, failing: Failing, first: First, stream: boolean): Promise<void> {
  await parts.faulty.script(faultOf(failing, stream));
  const told = await ask(parts, { first, stream, tier: failing.large ? 'roomy-one' : 'one' });
  expect(told.error).toEqual({
    message: expect.stringContaining(`${first}:`),
    type: expect.any(String),
    param: failing.status === 404 ? 'model' : null,
    code: failing.code ?? told.error?.code,
  });
  expect([told.status, told.headers.get('x-should-retry')]).toEqual([failing.status, 'false']);
  expect(told.headers.get('content-type')).toContain('application/json');
  expect(told.attempts).toEqual([[first, failing.outcome]]);
  expect(told.row).toMatchObject({ status: 'error', provider: null, error: expect.any(String) });
}

/** The same user's next request gets one whole answer, of whoever may be called now. */
export async function stillServes(parts: Rig, user: Account, first: First, stream: boolean): Promise<void> {
  await parts.faulty.script(sound(dialectOf(first), stream));
  const told = await ask(parts, { first, stream, user });
  expect([told.status, told.done, told.error]).toEqual([200, stream, null]);
  expect([FIRST, SECOND]).toContain(told.text);
  expect(told.row?.provider).toBe(told.text === FIRST ? first : 'healthy');
}
