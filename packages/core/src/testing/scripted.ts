import { type ChatChunk, chunksOf } from '../chat.ts';
import { type Clock, sleep } from '../clock.ts';
import { type ErrorClass, type ErrorDetails, GatewayError } from '../errors.ts';
import type { Host } from '../host.ts';
import { createHost } from '../host.ts';
import { modelTarget } from '../model-target.ts';
import type { Provider, ProviderIO } from '../provider.ts';
import type { Target } from '../target.ts';
import type { Price } from '../usage.ts';

/** What a scripted upstream does with one request. */
export type Act =
  /** Answers with this text, after a while. */
  | { readonly say: string; readonly afterMs?: number; readonly betweenMs?: number }
  /** Fails before any content. */
  | { readonly fail: ErrorClass; readonly afterMs?: number; readonly details?: ErrorDetails }
  /** Says some of the text and then fails, or just stops. */
  | { readonly say: string; readonly thenFail: ErrorClass; readonly afterMs?: number }
  /** Never answers. */
  | { readonly hang: true };

/** A target whose upstream follows a script, act by act; the last act repeats. */
export interface ScriptedTarget extends Target {
  /** Requests that reached it. */
  readonly calls: readonly { readonly at: number }[];
  /** How many of them are running. */
  inFlight(): number;
  /** How many were ended from our side. */
  aborted(): number;
}

export interface ScriptOptions {
  readonly clock: Clock;
  readonly random?: () => number;
  readonly credential?: string;
  readonly price?: Price;
  readonly window?: number;
  readonly residency?: string;
}

/** `id` is `provider:model`. */
export function scripted(id: string, acts: readonly [Act, ...Act[]], options: ScriptOptions): ScriptedTarget {
  const { clock, random = () => 0 } = options;
  const colon = id.indexOf(':');
  const calls: { at: number }[] = [];
  let running = 0;
  let aborted = 0;

  async function* chat(io: ProviderIO): AsyncGenerator<ChatChunk> {
    const act = acts[Math.min(calls.length, acts.length - 1)] ?? acts[0];
    calls.push({ at: clock.now() });
    running += 1;
    let over = false;
    try {
      if ('hang' in act) await sleep(clock, Number.MAX_SAFE_INTEGER, io.signal);
      else {
        if (act.afterMs) await sleep(clock, act.afterMs, io.signal);
        if ('fail' in act) throw new GatewayError(act.fail, `scripted ${act.fail}`, act.details);
        yield* spoken(act, clock, io.signal);
      }
      over = true;
    } finally {
      running -= 1;
      if (!over && io.signal.aborted) aborted += 1;
    }
  }

  const provider: Provider = { name: id.slice(0, colon), chat: (_, io) => chat(io) };
  const host: Host = createHost({
    clock,
    random,
    transport: () => Promise.reject(new TypeError('a script calls nobody')),
  });
  const target = modelTarget({
    provider,
    model: id.slice(colon + 1),
    credential: { id: options.credential ?? 'scripted', secret: '' },
    host,
    ...(options.price && { price: options.price }),
    ...(options.window !== undefined && { window: options.window }),
    ...(options.residency !== undefined && { residency: options.residency }),
  });
  return { ...target, calls, inFlight: () => running, aborted: () => aborted };
}

async function* spoken(
  act: Extract<Act, { say: string }>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<ChatChunk> {
  const chunks = [...chunksOf(act.say)];
  const broken = 'thenFail' in act ? act.thenFail : null;
  for (const chunk of broken ? chunks.slice(0, -1) : chunks) {
    if ('betweenMs' in act && act.betweenMs) await sleep(clock, act.betweenMs, signal);
    yield chunk;
  }
  if (broken) throw new GatewayError(broken, `scripted ${broken}`);
}
