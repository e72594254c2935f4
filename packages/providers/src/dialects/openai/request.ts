import type { ChatRequest } from '@inferbridge/core';
import { dropping, type Treatments } from '../../features.ts';
import { foreignFields } from '../../request-types.ts';
import { isRecord } from './errors.ts';
import { adaptMessages, type MessageTraits } from './messages.ts';

/** How a vendor's requests differ from OpenAI's; every field has OpenAI's own way as its default. */
export interface RequestTraits extends MessageTraits {
  /** The vendor's name of the limit on the answer; default: as the client spelled it. */
  readonly maxTokensField?: 'max_tokens' | 'max_completion_tokens';
  /** What the vendor does with features; what is not listed it takes as it is. */
  readonly treatments?: Treatments;
  /** Further fields that the vendor refuses and that only hint: left out. */
  readonly drop?: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  /** Does it know `stream_options.include_usage`? Default true. */
  readonly includeUsage?: boolean;
  /** The vendor's last word on the body; what it takes away it tells. */
  readonly prepare?: (body: Record<string, unknown>, dropped: (param: string) => void) => void;
}

/** Fields that steer this gateway and no upstream. */
export const OURS = ['models', 'api_base', 'base_url', 'api_key', 'provider_specific_fields'];

export type ChatBodyOf = (request: ChatRequest, dropped: (param: string) => void) => Record<string, unknown>;

/**
 * Makes the body for an upstream: the client's own, but for the model, the usage that we ask for ourselves, and the
 * traits.
 */
export function chatBodyOf(traits: RequestTraits): ChatBodyOf {
  const leaveOut = dropping(traits.treatments ?? {});
  return (request, dropped) => {
    const body = withoutOurs(request);
    if (request['provider_specific_fields']) for (const field of foreignFields(request)) dropped(field);
    if (request.stream === true && traits.includeUsage !== false)
      body['stream_options'] = { ...request.stream_options, include_usage: true };
    limit(body, traits.maxTokensField);
    leaveOut(body, dropped);
    for (const field of traits.drop ?? []) {
      if (body[field] !== undefined && body[field] !== null) dropped(field);
      delete body[field];
    }
    for (const [from, to] of Object.entries(traits.rename ?? {})) {
      if (body[from] === undefined) continue;
      body[to] = body[from];
      delete body[from];
    }
    body['messages'] = adaptMessages(request.messages, traits);
    if (Array.isArray(request.tools)) body['tools'] = plainTools(request.tools, traits);
    if (Array.isArray(body['tools']) && body['tools'].length === 0) withoutTools(body);
    traits.prepare?.(body, dropped);
    return body;
  };
}

/** All fields but `OURS`, and what is asked of a stream; what is deleted later makes an object slow. */
function withoutOurs({
  stream_options: _,
  models: __,
  api_base: ___,
  base_url: ____,
  api_key: _____,
  provider_specific_fields: ______,
  ...body
}: ChatRequest): Record<string, unknown> {
  return body;
}

function limit(body: Record<string, unknown>, field: RequestTraits['maxTokensField']): void {
  if (!field) return;
  const most = body['max_completion_tokens'] ?? body['max_tokens'];
  delete body['max_completion_tokens'];
  delete body['max_tokens'];
  if (most !== undefined && most !== null) body[field] = most;
}

/** Breakpoints on tools are Anthropic's spelling, and refused elsewhere; what else a tool is there means nothing here. */
function plainTools(tools: unknown[], { cacheControl }: MessageTraits): unknown[] {
  const gone = cacheControl ? ['anthropic_tool'] : ['anthropic_tool', 'cache_control'];
  const isPlain = (tool: unknown) => !isRecord(tool) || gone.every((name) => tool[name] === undefined);
  if (tools.every(isPlain)) return tools;
  return tools.map((tool) =>
    isRecord(tool) ? Object.fromEntries(Object.entries(tool).filter(([name]) => !gone.includes(name))) : tool,
  );
}

/** An empty list is refused, and so is a choice among no tools. */
function withoutTools(body: Record<string, unknown>): void {
  for (const field of ['tools', 'tool_choice', 'parallel_tool_calls']) delete body[field];
}
