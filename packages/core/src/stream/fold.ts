import type {
  ChatChunk,
  ChatCompletion,
  ChunkChoice,
  CompletionChoice,
  ToolCall,
  ToolCallDelta,
} from '../chat.ts';
import type { Frame } from '../frame.ts';
import type { ChatBody } from '../provider.ts';

const encoder = new TextEncoder();

/** A completion as the body of an answer. */
export const bodyOf = (completion: ChatCompletion): ChatBody => ({
  kind: 'completion',
  bytes: encoder.encode(JSON.stringify(completion)),
  json: () => completion,
});

/** What a whole stream says, as the body of an answer; throws what its frames throw. */
export async function foldFrames(frames: AsyncIterable<Frame>): Promise<ChatBody> {
  const fold = createFold();
  for await (const frame of frames) for (const chunk of frame.chunks()) fold.add(chunk);
  return bodyOf(fold.done());
}

/** Gathers the chunks of a stream into the completion that the same request without streaming would have given. */
export function createFold(): { add(chunk: ChatChunk): void; done(): ChatCompletion } {
  const choices = new Map<number, Growing>();
  let head: ChatChunk | null = null;
  let usage: ChatChunk['usage'] = null;
  let tier: string | null = null;
  return {
    add(chunk) {
      if (!head || (head.id === '' && chunk.id !== '')) head = chunk;
      if (chunk.usage) usage = chunk.usage;
      if (typeof chunk['service_tier'] === 'string') tier = chunk['service_tier'];
      for (const choice of chunk.choices) {
        const whole = choices.get(choice.index) ?? start(choice.index);
        choices.set(choice.index, whole);
        grow(whole, choice);
      }
    },
    done() {
      const { id = '', created = 0, model = '' } = head ?? {};
      const whole = [...choices.values()].map(({ choice }) => choice).sort((a, b) => a.index - b.index);
      for (const { message } of whole)
        if ((message.tool_calls || message['function_call']) && message.content === '')
          message.content = null;
      return {
        id,
        object: 'chat.completion',
        created,
        model,
        choices: whole,
        ...(usage && { usage }),
        ...(tier !== null && { service_tier: tier }),
      };
    },
  };
}

interface Growing {
  readonly choice: CompletionChoice;
  /** By the upstream's own number. */
  readonly calls: Map<number, ToolCall>;
}

const start = (index: number): Growing => ({
  choice: {
    index,
    message: { role: 'assistant', content: '', refusal: null },
    finish_reason: null,
    logprobs: null,
  },
  calls: new Map(),
});

function grow(whole: Growing, { delta, finish_reason, logprobs }: ChunkChoice): void {
  const { choice } = whole;
  const { message } = choice;
  if (finish_reason) choice.finish_reason = finish_reason;
  if (logprobs) choice['logprobs'] = joined(choice['logprobs'], logprobs);
  for (const [field, value] of Object.entries(delta ?? {})) {
    const before = message[field];
    if (field === 'tool_calls') growCalls(whole, delta.tool_calls ?? []);
    else if (field === 'role') message.role = delta.role ?? 'assistant';
    else if (typeof value === 'string') message[field] = typeof before === 'string' ? before + value : value;
    else if (Array.isArray(value)) message[field] = Array.isArray(before) ? [...before, ...value] : value;
    else if (field === 'function_call' && value) message[field] = joinedCall(before, value);
    else if (value !== null && value !== undefined) message[field] = value;
  }
}

/** Log probabilities come token by token; each list goes on where it was. */
function joined(before: unknown, more: unknown): unknown {
  const whole: Record<string, unknown> = { ...(before as object | null) }; // null spreads to nothing
  for (const [field, value] of Object.entries(more ?? {})) {
    const had = whole[field];
    whole[field] = Array.isArray(had) && Array.isArray(value) ? [...had, ...value] : (value ?? had ?? null);
  }
  return whole;
}

/** The call before tools had a name and pieces of arguments as well. */
function joinedCall(before: unknown, more: object): object {
  const had: { name?: string; arguments?: string } = { ...(before as object | undefined) };
  const { name, arguments: piece } = more as { name?: string; arguments?: string };
  return { ...had, ...(name && { name }), arguments: (had.arguments ?? '') + (piece ?? '') };
}

/** Calls stand in the order in which they began, whatever numbers the upstream gave them. */
function growCalls(whole: Growing, deltas: readonly ToolCallDelta[]): void {
  for (const delta of deltas) {
    const index = delta.index ?? Math.max(0, ...whole.calls.keys());
    const call = whole.calls.get(index) ?? begin(whole, index);
    if (delta.id) call.id = delta.id;
    if (delta['extra_content']) call['extra_content'] = delta['extra_content'];
    if (delta.type === 'custom' || delta['custom']) {
      growCustom(call, delta['custom']);
      continue;
    }
    const into = (call.function ??= {});
    if (delta.function?.name) into.name = delta.function.name;
    into.arguments = (into.arguments ?? '') + (delta.function?.arguments ?? '');
  }
}

/** A free-form call has a text where others have arguments. */
function growCustom(call: ToolCall, more: unknown): void {
  delete call.function;
  call.type = 'custom';
  const had = call['custom'] as { name: string; input: string } | undefined; // what this function put there
  const { name, input } = (more ?? {}) as { name?: string; input?: string };
  call['custom'] = { name: name || (had?.name ?? ''), input: (had?.input ?? '') + (input ?? '') };
}

function begin({ choice, calls }: Growing, index: number): ToolCall {
  const call: ToolCall = { id: '', type: 'function', function: { name: '', arguments: '' } };
  calls.set(index, call);
  (choice.message.tool_calls ??= []).push(call);
  return call;
}
