import type { ChatMessage, ChatRequest } from '@inferbridge/core';

/** How a vendor's requests differ from OpenAI's; every field has OpenAI's own way as its default. */
export interface RequestTraits {
  /** The vendor's name of the limit on the answer; default: as the client spelled it. */
  readonly maxTokensField?: 'max_tokens' | 'max_completion_tokens';
  /** Default true; otherwise `developer` messages become `system` ones. */
  readonly developerRole?: boolean;
  /** Content must be one string: text parts are joined. Default none. */
  readonly stringContent?: readonly string[];
  /** Fields that the vendor refuses and that only hint: left out. */
  readonly drop?: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  /** Does it know `stream_options.include_usage`? Default true. */
  readonly includeUsage?: boolean;
}

/** Fields that steer this gateway and no upstream. */
export const OURS = ['models', 'api_base', 'base_url', 'api_key'];

/** The body for an upstream: the client's own, but for the model, the usage that we ask for ourselves, and the traits. */
export function chatBody(request: ChatRequest, traits: RequestTraits): Record<string, unknown> {
  const body: Record<string, unknown> = { ...request };
  for (const field of OURS) delete body[field];
  if (request.stream === true) {
    if (traits.includeUsage !== false)
      body['stream_options'] = { ...request.stream_options, include_usage: true };
    else delete body['stream_options'];
  } else delete body['stream_options'];
  limit(body, traits.maxTokensField);
  for (const field of traits.drop ?? []) delete body[field];
  for (const [from, to] of Object.entries(traits.rename ?? {})) {
    if (body[from] === undefined) continue;
    body[to] = body[from];
    delete body[from];
  }
  if (traits.developerRole === false || traits.stringContent)
    body['messages'] = request.messages.map((message) => adapt(message, traits));
  return body;
}

function limit(body: Record<string, unknown>, field: RequestTraits['maxTokensField']): void {
  if (!field) return;
  const most = body['max_completion_tokens'] ?? body['max_tokens'];
  delete body['max_completion_tokens'];
  delete body['max_tokens'];
  if (most !== undefined && most !== null) body[field] = most;
}

function adapt(message: ChatMessage, { developerRole, stringContent = [] }: RequestTraits): ChatMessage {
  const role = message.role === 'developer' && developerRole === false ? 'system' : message.role;
  const { content } = message;
  if (
    !Array.isArray(content) ||
    !stringContent.includes(role) ||
    content.some((part) => part.type !== 'text')
  )
    return { ...message, role };
  return { ...message, role, content: content.map((part) => part.text ?? '').join('\n') };
}
