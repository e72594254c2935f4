import type { ChatMessage, ContentPart, ToolCall } from '@inferbridge/core';
import { isRecord } from '../../openai/errors.ts';
import type { Item } from '../item.ts';
import { placed } from '../own.ts';
import { unpacked } from './carrier.ts';
import type { Said } from './parts.ts';

/** One assistant message while the items that it is made of come. */
export interface Turn {
  say(said: Said, phase: unknown): void;
  call(call: ToolCall): void;
  think(item: Item): void;
  /** `null` where nothing was said and nothing called: a thought alone leads nowhere. */
  message(): ChatMessage | null;
}

export function createTurn(): Turn {
  const texts: ContentPart[] = [];
  const calls: ToolCall[] = [];
  const thoughts: string[] = [];
  const reasoning: Item[] = [];
  let carried: Item = {};
  let refusal = '';
  let phase: unknown;
  let spoke = false;

  const fields = (): Item => {
    const given = carried['provider_specific_fields'];
    const others = isRecord(given) ? given : {};
    const own = {
      ...(isRecord(others['openai']) && others['openai']),
      ...(reasoning.length > 0 && { reasoning }),
      ...(typeof phase === 'string' && { phase }),
    };
    const all = { ...others, ...(Object.keys(own).length > 0 && { openai: own }) };
    return Object.keys(all).length > 0 ? { provider_specific_fields: all } : {};
  };

  return {
    say(said, its) {
      spoke = true;
      texts.push(...said.texts);
      refusal += said.refusal ?? '';
      phase = its ?? phase;
    },
    call(call) {
      calls.push(call);
    },
    think(item) {
      thoughts.push(...thoughtsIn(item));
      const own = unpacked(item['encrypted_content']);
      if (own) carried = { ...carried, ...own };
      else reasoning.push(placed(item, calls.length));
    },
    message() {
      if (!spoke && calls.length === 0) return null;
      const { provider_specific_fields: _, ...lists } = carried;
      const [only, ...more] = texts;
      const plain = only && more.length === 0 && Object.keys(only).length === 2;
      const content = plain ? (only.text ?? '') : texts.length > 0 ? texts : null;
      return {
        role: 'assistant',
        content: content ?? (calls.length > 0 || refusal !== '' ? null : ''),
        ...(refusal !== '' && { refusal }),
        ...(thoughts.length > 0 && { reasoning_content: thoughts.join('\n\n') }),
        ...lists,
        ...(calls.length > 0 && { tool_calls: calls }),
        ...fields(),
      };
    },
  };
}

function thoughtsIn({ summary, content }: Item): string[] {
  const parts = Array.isArray(summary) && summary.length > 0 ? summary : content;
  if (!Array.isArray(parts)) return [];
  return parts.flatMap((part) =>
    isRecord(part) && typeof part['text'] === 'string' && part['text'] !== '' ? [part['text']] : [],
  );
}
