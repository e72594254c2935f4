import {
  type Call,
  type Clock,
  GatewayError,
  type HttpRequest,
  type HttpResponse,
  type Layer,
  sleep,
  type Transport,
} from '@inferbridge/core';

declare module '@inferbridge/core/call' {
  interface CallState {
    /** Faults that this one request asked for. */
    faults?: readonly FaultRule[];
  }
}

/** What an upstream is made to do, and how often. */
export interface FaultRule {
  readonly provider: string;
  /** Default: all of the provider's. */
  readonly model?: string | undefined;
  /** See `parseFault`. */
  readonly fault: string;
  /** Of the requests, 0 to 1; default all. */
  readonly share?: number | undefined;
}

export interface FaultsOptions {
  readonly rules?: readonly FaultRule[];
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** How upstreams are really reached. */
  readonly transport: Transport;
}

/**
 * The fire drill: spoils what comes from an upstream, on its way, so that everything behind it (classes, timers, breakers,
 * fallback) acts as it would. A request's own faults come before the rules. Only providers that speak HTTP can be spoiled.
 */
export function faults({ rules = [], clock, random, transport }: FaultsOptions): Layer {
  const prepared = new Map(rules.map((rule) => [rule, parseFault(rule.fault)]));
  return (target) => ({
    ...target,
    async handle(call, permit) {
      const own = call.state.faults?.find((rule) => isMeant(rule, target));
      const rule = own ?? rules.find((one) => isMeant(one, target) && random() < (one.share ?? 1));
      if (!rule) return target.handle(call, permit);
      const spoil = prepared.get(rule) ?? parseFault(rule.fault);
      const place = call.trail.length;
      const spoiled: Call = { ...call, transport: spoil(call.transport ?? transport, clock) };
      try {
        return await target.handle(spoiled, permit);
      } finally {
        const entry = call.trail[place];
        if (entry) entry.fault = rule.fault;
      }
    },
  });
}

const isMeant = (rule: FaultRule, { provider, model }: { provider: string; model: string }): boolean =>
  rule.provider === provider && (rule.model === undefined || rule.model === model);

type Spoil = (transport: Transport, clock: Clock) => Transport;

/** What can be asked for, as it is written. */
export const FAULTS =
  '400 to 599, also 429;retry-after=5 (seconds), timeout, unreachable, reset, slow:MS, cut, cut:EVENTS, garbage, empty';

/** A fault by its name; throws a `TypeError` that lists them. */
export function parseFault(text: string): Spoil {
  const [name = '', value] = text.trim().toLowerCase().split(':');
  const [status = '', after] = name.split(';retry-after=');
  if (/^[45]\d\d$/.test(status) && (after === undefined || /^\d{1,5}$/.test(after)) && value === undefined)
    return refusing(Number(status), after);
  const amount = value === undefined ? null : /^\d{1,7}$/.test(value) ? Number(value) : Number.NaN;
  const make = Number.isNaN(amount) ? undefined : NAMED[name];
  const spoil = make?.(amount);
  if (!spoil) throw new TypeError(`no fault named "${text}"; known: ${FAULTS}`);
  return spoil;
}

const NAMED: Readonly<Record<string, (amount: number | null) => Spoil | null>> = {
  timeout: (amount) => (amount === null ? () => hanging(true) : null),
  unreachable: (amount) => (amount === null ? () => hanging(false) : null),
  reset: (amount) =>
    amount === null
      ? () => async () => {
          throw new GatewayError('unreachable', 'the connection was reset (fire drill)');
        }
      : null,
  slow: (amount) => (amount === null ? null : slow(amount)),
  cut: (amount) => cut(amount ?? 2),
  garbage: (amount) =>
    amount === null ? () => answering(200, 'text/html', '<html><body>Bad gateway</body></html>') : null,
  empty: (amount) => (amount === null ? () => answering(200, 'application/json', '') : null),
};

const encoder = new TextEncoder();

function answering(
  status: number,
  type: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): Transport {
  const bytes = encoder.encode(body);
  return async ({ progress }: HttpRequest): Promise<HttpResponse> => {
    for (const phase of ['connecting', 'connected', 'headers', 'bytes'] as const) progress?.(phase);
    return {
      status,
      headers: { 'content-type': type, ...more },
      bytes: async () => bytes,
      body: (async function* () {
        if (bytes.length > 0) yield bytes;
      })(),
    };
  };
}

const refusing =
  (status: number, after: string | undefined): Spoil =>
  () =>
    answering(
      status,
      'application/json',
      JSON.stringify({ error: { message: `fire drill: ${status}`, type: 'fire_drill', code: null } }),
      after === undefined ? {} : { 'retry-after': after },
    );

/** Never answers; `connected` or not decides which timer ends it. */
function hanging(connected: boolean): Transport {
  return ({ progress, signal }) => {
    progress?.('connecting');
    if (connected) progress?.('connected');
    return new Promise((_, reject) => {
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };
}

const slow =
  (ms: number): Spoil =>
  (transport, clock) =>
  async (request) => {
    request.progress?.('connecting');
    request.progress?.('connected');
    await sleep(clock, ms, request.signal);
    return transport(request);
  };

const EVENT_END = /\r?\n\r?\n/g;

/** Lets so many events through and then breaks; half of a whole answer. */
const cut =
  (events: number): Spoil =>
  (transport) =>
  async (request) => {
    const response = await transport(request);
    if (response.status !== 200) return response;
    return {
      ...response,
      bytes: async (limit) => {
        const whole = await response.bytes(limit);
        return whole.subarray(0, whole.length >> 1);
      },
      body: cutAfter(response.body, events),
    };
  };

async function* cutAfter(body: AsyncIterable<Uint8Array>, events: number): AsyncGenerator<Uint8Array> {
  let left = events;
  for await (const piece of body) {
    if (left <= 0) break;
    const text = Buffer.from(piece).toString('latin1');
    for (const { index, 0: end } of text.matchAll(EVENT_END)) {
      left -= 1;
      if (left > 0) continue;
      yield piece.subarray(0, index + end.length);
      throw broken();
    }
    yield piece;
  }
  throw broken();
}

const broken = () =>
  new GatewayError('unreachable', 'the connection broke (fire drill)', { code: 'upstream_cut' });
