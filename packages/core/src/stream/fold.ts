import type {
  ChatChunk,
  ChatCompletion,
  ChunkChoice,
  CompletionChoice,
  ToolCall,
  ToolCallDelta,
} from '../chat.ts';

/** Gathers the chunks of a stream into the completion that the same request without streaming would have given. */
export function createFold(): { add(chunk: ChatChunk): void; done(): ChatCompletion } {
  const choices = new Map<number, CompletionChoice>();
  let head: ChatChunk | null = null;
  let usage: ChatChunk['usage'] = null;
  return {
    add(chunk) {
      if (!head || (head.id === '' && chunk.id !== '')) head = chunk;
      if (chunk.usage) usage = chunk.usage;
      for (const choice of chunk.choices) {
        const whole = choices.get(choice.index) ?? start(choice.index);
        choices.set(choice.index, whole);
        grow(whole, choice);
      }
    },
    done() {
      const { id = '', created = 0, model = '' } = head ?? {};
      const whole = [...choices.values()].sort((a, b) => a.index - b.index);
      for (const { message } of whole)
        if (message.tool_calls && message.content === '') message.content = null;
      return { id, object: 'chat.completion', created, model, choices: whole, ...(usage && { usage }) };
    },
  };
}

const start = (index: number): CompletionChoice => ({
  index,
  message: { role: 'assistant', content: '', refusal: null },
  finish_reason: null,
  logprobs: null,
});

function grow(whole: CompletionChoice, { delta, finish_reason, logprobs }: ChunkChoice): void {
  if (finish_reason) whole.finish_reason = finish_reason;
  if (logprobs) whole['logprobs'] = logprobs;
  for (const [field, value] of Object.entries(delta ?? {})) {
    if (field === 'tool_calls') growCalls(whole, delta.tool_calls ?? []);
    else if (field === 'role') whole.message.role = delta.role ?? 'assistant';
    else if (typeof value === 'string') {
      const before = whole.message[field];
      whole.message[field] = typeof before === 'string' ? before + value : value;
    } else if (Array.isArray(value)) {
      const before = whole.message[field];
      whole.message[field] = Array.isArray(before) ? [...before, ...value] : value;
    } else if (value !== null && value !== undefined) whole.message[field] = value;
  }
}

function growCalls(whole: CompletionChoice, deltas: readonly ToolCallDelta[]): void {
  const calls: ToolCall[] = (whole.message.tool_calls ??= []);
  for (const delta of deltas) {
    const at = delta.index ?? Math.max(0, calls.length - 1);
    const call = (calls[at] ??= { id: '', type: 'function', function: { name: '', arguments: '' } });
    if (delta.id) call.id = delta.id;
    const into = (call.function ??= {});
    if (delta.function?.name) into.name = delta.function.name;
    into.arguments = (into.arguments ?? '') + (delta.function?.arguments ?? '');
  }
}
