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

export interface Corrections {
  /** Changes the body as earlier refusals of this model taught. */
  apply(model: string, body: Record<string, unknown>, dropped: (param: string) => void): void;
  /** Is this a refusal after which the request can be made once more? */
  learn(request: ChatRequest, error: GatewayError): boolean;
}

export function createCorrections(): Corrections {
  const known = new Map<string, Set<string>>();
  return {
    apply(model, body, dropped) {
      const params = known.get(model);
      if (!params) return;
      for (const param of params) {
        const value = body[param];
        if (value === undefined || value === null) continue;
        delete body[param];
        if (param === 'max_tokens') body['max_completion_tokens'] ??= value;
        else dropped(param);
      }
    },
    learn(request, error) {
      const { upstream, status } = error.details;
      const param = upstream?.param;
      if (status !== 400 || !param || !CODES.test(upstream.code ?? '')) return false;
      const correctable = param === 'max_tokens' || HINTS.has(param);
      const given = request[param];
      if (!correctable || given === undefined || given === null) return false;
      const params = known.get(request.model) ?? new Set();
      if (params.has(param)) return false;
      if (known.size >= MOST_KEPT) known.clear();
      known.set(request.model, params.add(param));
      return true;
    },
  };
}
