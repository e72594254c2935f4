import type { ChatRequest, GatewayError } from '@inferbridge/core';

/*
 * Models that refuse a parameter which others of the vendor take. The refusal names it; it is left out, and the caller
 * is told. Source: https://platform.openai.com/docs/guides/error-codes (codes read 2026-11-20) and recorded answers.
 */

/** Parameters whose absence changes how an answer sounds, not what was asked for. */
const HINTS: ReadonlySet<string> = new Set([
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'seed',
  'user',
  'safety_identifier',
  'store',
  'metadata',
  'service_tier',
  'verbosity',
  'reasoning_effort',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'prediction',
  'parallel_tool_calls',
]);
const CODES = /^unsupported_(parameter|value)$/;
const MOST_KEPT = 5_000;

/** What one credential was told of one model; another may be told otherwise. */
export interface Subject {
  readonly credential: string;
  readonly model: string;
  /** On `Clock.now()`. */
  readonly now: number;
}

export interface Corrections {
  /** Changes the body as earlier refusals taught. */
  apply(subject: Subject, body: Record<string, unknown>, dropped: (param: string) => void): void;
  /** Is this a refusal after which the request can be made once more? */
  learn(subject: Subject, request: ChatRequest, error: GatewayError): boolean;
}

/** Vendors change their minds: after that it is tried again. */
const KEPT_MS = 3_600_000;
/** Refused whatever its value. */
const ANY = Symbol('any');

interface Refused {
  readonly param: string;
  readonly value: unknown;
  readonly until: number;
}

export function createCorrections(): Corrections {
  const known = new Map<string, Refused[]>();
  const keyOf = ({ credential, model }: Subject) => `${credential}\n${model}`;
  const fresh = (subject: Subject) =>
    (known.get(keyOf(subject)) ?? []).filter(({ until }) => until > subject.now);
  return {
    apply(subject, body, dropped) {
      if (known.size === 0) return;
      for (const refused of fresh(subject)) {
        const { param } = refused;
        const value = body[param];
        if (value === undefined || value === null) continue;
        if (refused.value !== ANY && refused.value !== value) continue;
        delete body[param];
        if (param === 'max_tokens') body['max_completion_tokens'] ??= value;
        else dropped(param);
      }
    },
    learn(subject, request, error) {
      const { upstream, status } = error.details;
      const param = upstream?.param;
      if (status !== 400 || !param || !CODES.test(upstream.code ?? '')) return false;
      const correctable = param === 'max_tokens' || HINTS.has(param);
      const given = request[param];
      if (!correctable || given === undefined || given === null) return false;
      const value = upstream.code === 'unsupported_value' ? given : ANY;
      const before = fresh(subject);
      if (before.some((one) => one.param === param && (one.value === ANY || one.value === value)))
        return false;
      if (known.size >= MOST_KEPT) known.clear();
      known.set(keyOf(subject), [
        ...before.slice(-MOST_PARAMS),
        { param, value, until: subject.now + KEPT_MS },
      ]);
      return true;
    },
  };
}

const MOST_PARAMS = 32;
