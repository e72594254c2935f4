import type { ErrorClass, ProviderPlugin } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { events, exchange, made, SECRET } from '../../../test/support/exchange.ts';
import {
  azure,
  deepseek,
  generic,
  groq,
  mistral,
  moonshot,
  ollama,
  openai,
  openrouter,
  qwen,
  sarvam,
  together,
  vllm,
  xai,
  zhipu,
} from './index.ts';

const OPTIONS: Record<string, object> = {
  azure: { resource: 'r' },
  'openai-compatible': { baseUrl: 'https://llm.example/v1' },
};
const vendorOf = (plugin: ProviderPlugin) => made(plugin, OPTIONS[plugin.name]);
const error = (code: unknown, message = 'words', more: object = {}) => ({
  error: { message, code, ...more },
});

const TABLE: [plugin: ProviderPlugin, status: number, body: unknown, expected: ErrorClass][] = [
  [openai, 401, error('invalid_api_key'), 'bad_credential'],
  [openai, 404, error('model_not_found'), 'model_not_found'],
  [openai, 429, error('rate_limit_exceeded', 'slow', { type: 'tokens' }), 'rate_limited'],
  [openai, 429, error('insufficient_quota', 'pay', { type: 'insufficient_quota' }), 'quota_exhausted'],
  [openai, 400, error('context_length_exceeded'), 'context_length'],
  [openai, 400, error(null, "This model's maximum context length is 8192 tokens"), 'context_length'],
  [openai, 403, error('unsupported_country_region_territory'), 'bad_credential'],
  [openai, 503, error('slow_down'), 'overloaded'],
  [openai, 400, error('decimal_below_min_value', 'x', { param: 'temperature' }), 'invalid_request'],
  [groq, 400, error('tool_use_failed', 'x', { failed_generation: '<f>' }), 'malformed'],
  [groq, 498, error(null), 'overloaded'],
  [groq, 413, error('rate_limit_exceeded', 'Request too large'), 'rate_limited'],
  [deepseek, 402, error('invalid_request_error', 'Insufficient Balance'), 'quota_exhausted'],
  [deepseek, 429, error(null), 'rate_limited'],
  [deepseek, 503, error(null), 'overloaded'],
  [together, 402, error(null), 'quota_exhausted'],
  [
    together,
    403,
    error(null, 'Input token count + `max_tokens` must fit the maximum context length'),
    'context_length',
  ],
  [together, 403, error('invalid_api_key', 'Invalid API key provided'), 'bad_credential'],
  [together, 403, error(null, 'You do not have permission'), 'bad_credential'],
  [together, 529, error(null), 'overloaded'],
  [openrouter, 403, error(403, 'flagged', { metadata: { reasons: ['violence'] } }), 'content_policy'],
  [openrouter, 403, error(403, 'flagged', { metadata: { flagged_input: 'x' } }), 'content_policy'],
  [openrouter, 403, error(403, 'Key limit exceeded', { metadata: {} }), 'bad_credential'],
  [qwen, 400, error('Arrearage', 'Access denied', { type: 'Arrearage' }), 'quota_exhausted'],
  [qwen, 400, error('data_inspection_failed', 'inappropriate'), 'content_policy'],
  [qwen, 400, error('DataInspectionFailed'), 'content_policy'],
  [qwen, 400, error('invalid_parameter_error', 'Range of input length should be [1, 8]'), 'context_length'],
  [qwen, 400, error('invalid_parameter_error', 'Range of top_p should be (0.0, 1.0]'), 'invalid_request'],
  [moonshot, 429, error(null, 'x', { type: 'exceeded_current_quota_error' }), 'quota_exhausted'],
  [moonshot, 403, error(null, 'x', { type: 'exceeded_current_quota_error' }), 'quota_exhausted'],
  [moonshot, 429, error(null, 'suspended due to insufficient balance'), 'quota_exhausted'],
  [moonshot, 429, error(null, 'slow', { type: 'rate_limit_reached_error' }), 'rate_limited'],
  [
    moonshot,
    400,
    error(null, 'Invalid request: Your request exceeded model token limit: 262144'),
    'context_length',
  ],
  [zhipu, 429, error('1113', 'Insufficient balance or no resource package.'), 'quota_exhausted'],
  [zhipu, 429, error('1302', 'slow'), 'rate_limited'],
  [xai, 400, { code: 'x', error: 'Incorrect API key provided: xa***Aa.' }, 'bad_credential'],
  [xai, 400, { code: 'x', error: "This model's maximum prompt length is 131072" }, 'context_length'],
  [xai, 400, { code: 'x', error: 'Invalid arguments' }, 'invalid_request'],
  [
    azure,
    400,
    error(null, 'filtered', { innererror: { code: 'ResponsibleAIPolicyViolation' } }),
    'content_policy',
  ],
  [together, 524, error(null), 'server_error'],
  [sarvam, 403, error('invalid_api_key_error'), 'bad_credential'],
  [sarvam, 429, error('insufficient_quota_error'), 'quota_exhausted'],
  [sarvam, 429, error('rate_limit_exceeded_error'), 'rate_limited'],
  [sarvam, 503, error('rate_limit_exceeded_error'), 'overloaded'],
  [sarvam, 422, error('unprocessable_entity_error'), 'invalid_request'],
  [sarvam, 500, error('internal_server_error'), 'server_error'],
  [
    mistral,
    401,
    { object: 'error', message: 'Unauthorized', type: 'invalid_request_error', code: '1' },
    'bad_credential',
  ],
  [mistral, 422, { detail: [{ type: 'extra_forbidden', loc: ['body', 'x'], msg: 'no' }] }, 'invalid_request'],
  [mistral, 400, { object: 'error', message: { detail: [{ msg: 'no' }] }, code: 3001 }, 'invalid_request'],
  [openrouter, 429, error(429, 'Rate limited', { metadata: {} }), 'rate_limited'],
  [openrouter, 402, error(402), 'quota_exhausted'],
  [openrouter, 408, error(408), 'server_error'],
  [openrouter, 502, error(502), 'server_error'],
  [ollama, 404, { error: 'model "x" not found' }, 'model_not_found'],
  [ollama, 500, { error: 'out of memory' }, 'server_error'],
  [
    vllm,
    400,
    {
      object: 'error',
      message: "This model's maximum context length is 10",
      type: 'BadRequestError',
      code: 400,
    },
    'context_length',
  ],
  [vllm, 404, { object: 'error', message: 'x', type: 'NotFoundError', code: 404 }, 'model_not_found'],
  [
    azure,
    400,
    error('content_filter', 'x', { innererror: { code: 'ResponsibleAIPolicyViolation' } }),
    'content_policy',
  ],
  [azure, 404, error('DeploymentNotFound'), 'model_not_found'],
  [generic, 400, [{ error: { code: 400, message: 'x', status: 'INVALID_ARGUMENT' } }], 'invalid_request'],
  [generic, 502, '<html>Bad gateway</html>', 'server_error'],
  [generic, 400, '', 'invalid_request'],
];
const ROWS = TABLE.map(([plugin, status, body, expected]) => ({
  plugin,
  name: plugin.name,
  status,
  body,
  expected,
}));

describe('a refusal', () => {
  it.each(ROWS)('of $name, $status $body, is $expected', async ({ plugin, status, body, expected }) => {
    for (const stream of [false, true]) {
      const told = await exchange(vendorOf(plugin), { stream }, [{ status, body }]);
      expect(told.error).toMatchObject({ class: expected, details: { status } });
      expect(told.sent).toHaveLength(1);
    }
  });

  it('keeps words and key out of what is logged', async () => {
    const body = error('rate_limit_exceeded', `prompt "Hi" with ${SECRET}`);
    const told = (
      await exchange(vendorOf(groq), {}, [{ status: 429, body, headers: { 'retry-after': '2' } }])
    ).error;
    expect(told?.message).not.toMatch(/prompt|Hi/);
    expect(JSON.stringify([told?.message, told?.details])).not.toContain(SECRET);
    expect(told?.details.retryAfterMs).toBe(2_000);
  });

  it('of a call that Groq could not read keeps its name', async () => {
    const body = error('tool_use_failed', 'x', { type: 'invalid_request_error' });
    const told = (await exchange(vendorOf(groq), {}, [{ status: 400, body }])).error;
    expect(told?.details.upstream?.code).toBe('tool_use_failed');
    expect(told?.details.code).not.toBe('unexpected_redirect');
  });

  it('that is a redirect says so', async () => {
    const told = (await exchange(vendorOf(groq), {}, [{ status: 302, body: '' }])).error;
    expect(told).toMatchObject({ class: 'malformed', details: { code: 'unexpected_redirect' } });
  });
});

describe('an error within a stream', () => {
  const head = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' };
  const text = {
    ...head,
    choices: [{ index: 0, delta: { role: 'assistant', content: 'a' }, finish_reason: null }],
  };
  const last = { ...head, choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }] };
  const MEAN: [string, ProviderPlugin, unknown, ErrorClass][] = [
    ['an event of its own', groq, error('tool_use_failed', 'x', { status_code: 400 }), 'malformed'],
    ['a chunk with choices', openrouter, { ...last, ...error(502) }, 'server_error'],
    ['a finish reason', mistral, last, 'server_error'],
    ['a word alone', ollama, { error: 'out of memory' }, 'server_error'],
    [
      'the old form of vLLM',
      vllm,
      { object: 'error', message: 'x', type: 'BadRequestError', param: null, code: 400 },
      'invalid_request',
    ],
    [
      'the form of Mistral',
      mistral,
      { object: 'error', message: 'x', type: 'internal_server_error', code: '3000' },
      'server_error',
    ],
  ];

  it.each(MEAN)(
    'that is %s never ends the stream as if it were complete',
    async (_, plugin, event, expected) => {
      for (const values of [[event], [text, event]]) {
        const pieces = values.flatMap((value) => events(value).map((bytes) => bytes.subarray(0, -14))); // without the mark
        const told = await exchange(vendorOf(plugin), { stream: true }, [
          { pieces: [...pieces, ...events()] },
        ]);
        expect(told.error?.class).toBe(expected);
        expect(told.end).toBeUndefined();
        expect(told.chunks).toHaveLength(values.length - 1);
      }
    },
  );

  it('is a cut where the connection just closes', async () => {
    for (const plugin of [openai, groq]) {
      const pieces = [Buffer.from(`data: ${JSON.stringify(text)}\n\n`)];
      const told = await exchange(vendorOf(plugin), { stream: true }, [{ pieces }]);
      expect(told).toMatchObject({ end: 'cut', error: null });
      expect(told.chunks.flatMap(({ choices }) => choices.flatMap((one) => one.finish_reason ?? []))).toEqual(
        [],
      );
    }
  });
});
