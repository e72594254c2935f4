/* What a recorded answer says, read from the recording itself and by nothing of the gateway's. */

export interface Said {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly args: unknown }[];
  readonly finish: string;
  /** As OpenAI counts; `null` where the recording has none. */
  readonly usage: { readonly prompt: number; readonly total: number } | null;
}

// recordings are whatever the vendors sent
// biome-ignore lint/suspicious/noExplicitAny: read field by field
type Any = any;

const FINISH: Record<string, string> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
};

const finishOf = (reason: unknown, calls: number): string => {
  const known = FINISH[String(reason)] ?? String(reason ?? 'stop');
  return known === 'stop' && calls > 0
    ? 'tool_calls'
    : known === 'tool_calls' && calls === 0
      ? 'stop'
      : known;
};

const parsed = (text: unknown): unknown => {
  if (typeof text !== 'string') return text ?? {};
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const plain = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : Array.isArray(content)
      ? content.map((part: Any) => (part.type === 'text' ? part.text : '')).join('')
      : '';

const untagged = (text: string): string => text.replace(/^\s*<think>[\s\S]*?(<\/think>\s*|$)/, '');

const openaiUsage = (usage: Any): Said['usage'] =>
  usage?.prompt_tokens === undefined
    ? null
    : {
        prompt: usage.prompt_tokens,
        total: Math.max(usage.total_tokens ?? 0, usage.prompt_tokens + (usage.completion_tokens ?? 0)),
      };

export function openaiBody(body: Any): Said {
  const { message, finish_reason } = body.choices[0];
  const calls = (message.tool_calls ?? []).map(({ function: fn }: Any) => ({
    name: fn.name,
    args: parsed(fn.arguments),
  }));
  return {
    text: untagged(plain(message.content)),
    calls,
    finish: finishOf(finish_reason, calls.length),
    usage: openaiUsage(body.usage),
  };
}

export function openaiLines(lines: readonly Any[]): Said {
  let text = '';
  let finish: unknown = null;
  let usage: Said['usage'] = null;
  const calls: { key: unknown; name: string; args: string }[] = [];
  for (const line of lines) {
    usage = openaiUsage(line.usage) ?? openaiUsage(line.x_groq?.usage) ?? usage;
    const choice = line.choices?.[0];
    if (!choice) continue;
    text += plain(choice.delta?.content);
    for (const call of choice.delta?.tool_calls ?? []) {
      const known = calls.find(({ key }) => key === (call.index ?? call.id));
      const grown = known ?? { key: call.index ?? call.id, name: '', args: '' };
      if (!known) calls.push(grown);
      grown.name ||= call.function?.name ?? '';
      grown.args += call.function?.arguments ?? '';
    }
    finish ??= choice.finish_reason;
  }
  return {
    text: untagged(text),
    calls: calls.map(({ name, args }) => ({ name, args: parsed(args) })),
    finish: finishOf(finish, calls.length),
    usage,
  };
}

const anthropicUsage = (usage: Any): Said['usage'] => {
  if (usage?.input_tokens === undefined) return null;
  const compacted = (usage.iterations ?? []).filter(({ type }: Any) => type === 'compaction');
  const sum = (field: string) =>
    compacted.reduce((all: number, one: Any) => all + (one[field] ?? 0), usage[field] ?? 0);
  const prompt = sum('input_tokens') + sum('cache_read_input_tokens') + sum('cache_creation_input_tokens');
  return { prompt, total: prompt + sum('output_tokens') };
};

export function anthropicBody(body: Any): Said {
  const calls = body.content.flatMap((block: Any) =>
    block.type === 'tool_use' ? [{ name: block.name, args: block.input }] : [],
  );
  return {
    text: body.content.map((block: Any) => (block.type === 'text' ? block.text : '')).join(''),
    calls,
    finish: finishOf(body.stop_reason, calls.length),
    usage: anthropicUsage(body.usage),
  };
}

export function anthropicLines(lines: readonly Any[]): Said {
  const blocks: Any[] = [];
  const early: Any[] = [];
  let usage = {};
  let stop: unknown = null;
  for (const line of lines) {
    if (line.type === 'message_start') {
      usage = { ...line.message.usage };
      early.push(...line.message.content);
    }
    if (line.type === 'content_block_start') blocks[line.index] = { ...line.content_block, json: '' };
    if (line.type === 'content_block_delta') {
      const block = blocks[line.index];
      if (line.delta.type === 'text_delta') block.text = (block.text ?? '') + line.delta.text;
      if (line.delta.type === 'input_json_delta') block.json += line.delta.partial_json;
    }
    if (line.type === 'content_block_stop' && blocks[line.index]?.json)
      blocks[line.index].input = parsed(blocks[line.index].json);
    if (line.type === 'message_delta') {
      usage = { ...usage, ...line.usage };
      stop = line.delta.stop_reason;
    }
  }
  return anthropicBody({ content: [...early, ...blocks.filter(Boolean)], stop_reason: stop, usage });
}

export function geminiBody(body: Any): Said {
  const candidate = body.candidates?.[0];
  const parts: Any[] = candidate?.content?.parts ?? [];
  const calls = parts.flatMap(({ functionCall }) =>
    functionCall ? [{ name: functionCall.name, args: functionCall.args ?? {} }] : [],
  );
  const usage = body.usageMetadata;
  return {
    text: parts.map(({ text, thought }) => (thought ? '' : (text ?? ''))).join(''),
    calls,
    finish: finishOf(candidate?.finishReason, calls.length),
    usage: usage && {
      prompt: (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0),
      total: usage.totalTokenCount ?? 0,
    },
  };
}

/** Streams whose calls come whole; calls that come in pieces are looked at elsewhere. */
export function geminiLines(lines: readonly Any[]): Said {
  const parts = lines.flatMap((line) => line.candidates?.[0]?.content?.parts ?? []);
  const finish = lines.map((line) => line.candidates?.[0]?.finishReason).findLast(Boolean);
  const usage = lines.map(({ usageMetadata }) => usageMetadata).findLast(Boolean);
  return geminiBody({ candidates: [{ content: { parts }, finishReason: finish }], usageMetadata: usage });
}
