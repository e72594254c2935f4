import type { lookup as dnsLookup, LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { type AddressPolicy, guardedLookup } from './guard.ts';

const closed: AddressPolicy = { privateAddresses: false };
const ORIGIN = 'https://rebind.example';

type Answer = {
  error: NodeJS.ErrnoException | null;
  address: string | LookupAddress[];
  family: number | undefined;
};

/** A resolver that gives these records, the last ones again and again. */
function resolver(...answers: (readonly string[] | Error)[]) {
  const asked: { name: string; all: unknown }[] = [];
  const resolve = (name: string, options: { all?: boolean }, callback: (...args: unknown[]) => void) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push({ name, all: options.all });
    if (answer instanceof Error) return callback(answer, []);
    callback(
      null,
      answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { asked, resolve: resolve as unknown as typeof dnsLookup }; // the one form of it that the guard uses
}

function ask(lookup: ReturnType<typeof guardedLookup>, all = false): Promise<Answer> {
  return new Promise((done) =>
    lookup('rebind.example', { all }, (error, address, family) => done({ error, address, family })),
  );
}

describe('guardedLookup', () => {
  it('hands out the address that it has checked', async () => {
    const { resolve, asked } = resolver(['93.184.215.14', '2606:2800:21f::1']);
    const { error, address, family } = await ask(guardedLookup(ORIGIN, closed, resolve));
    expect({ error, address, family }).toEqual({ error: null, address: '93.184.215.14', family: 4 });
    expect(asked).toEqual([{ name: 'rebind.example', all: true }]);
  });

  it('hands out all of them where all are asked for', async () => {
    const { resolve } = resolver(['93.184.215.14', '1.1.1.1']);
    const { error, address } = await ask(guardedLookup(ORIGIN, closed, resolve), true);
    expect(error).toBeNull();
    expect(address).toEqual([
      { address: '93.184.215.14', family: 4 },
      { address: '1.1.1.1', family: 4 },
    ]);
  });

  it('refuses a name that was public when it was checked and is local now', async () => {
    const { resolve } = resolver(['93.184.215.14'], ['127.0.0.1']);
    const lookup = guardedLookup(ORIGIN, closed, resolve);
    expect((await ask(lookup)).address).toBe('93.184.215.14');
    const again = await ask(lookup);
    expect(again.error?.code).toBe('EADDRNOTALLOWED');
    expect(again.address).toBe('');
  });

  it.each([
    ['first', ['10.0.0.1', '93.184.215.14']],
    ['last', ['93.184.215.14', '10.0.0.1']],
    ['in the middle, as mapped IPv6', ['1.1.1.1', '::ffff:127.0.0.1', '8.8.8.8']],
    ['in the other family', ['93.184.215.14', '::1']],
  ])('refuses mixed records with the private one %s', async (_, records) => {
    for (const all of [false, true]) {
      const { resolve } = resolver(records);
      const { error, address } = await ask(guardedLookup(ORIGIN, closed, resolve), all);
      expect(error?.code).toBe('EADDRNOTALLOWED');
      expect(address).toBe('');
    }
  });

  it('refuses a name without any address', async () => {
    const { resolve } = resolver([]);
    expect((await ask(guardedLookup(ORIGIN, closed, resolve))).error?.code).toBe('EADDRNOTALLOWED');
  });

  it('says nothing in its refusal of the address or the name', async () => {
    const { resolve } = resolver(['10.20.30.40']);
    const { error } = await ask(guardedLookup(ORIGIN, closed, resolve));
    expect(error?.message).toBe('the address is not allowed');
  });

  it('passes on why a name could not be resolved', async () => {
    const { resolve } = resolver(Object.assign(new Error('nope'), { code: 'ENOTFOUND' }));
    expect((await ask(guardedLookup(ORIGIN, closed, resolve))).error?.code).toBe('ENOTFOUND');
  });

  it('lets a private address through where the policy has its origin, and metadata never', async () => {
    const listed: AddressPolicy = { privateAddresses: [ORIGIN] };
    const first = await ask(guardedLookup(ORIGIN, listed, resolver(['10.0.0.5']).resolve));
    expect(first.address).toBe('10.0.0.5');
    const other = await ask(guardedLookup(`${ORIGIN}:8443`, listed, resolver(['10.0.0.5']).resolve));
    expect(other.error?.code).toBe('EADDRNOTALLOWED');
    for (const policy of [listed, { privateAddresses: true }]) {
      const metadata = await ask(guardedLookup(ORIGIN, policy, resolver(['169.254.169.254']).resolve));
      expect(metadata.error?.code).toBe('EADDRNOTALLOWED');
    }
  });
});
