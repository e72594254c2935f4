import type { ChunkDelta } from '@inferbridge/core';
import { asText, parseJson } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { createUnfence } from './fences.ts';
import type { Reading } from './reading.ts';
import { annotation, freeInput, isAnswer } from './response.ts';

type Block = Record<string, unknown>;

/** A content block while it grows. */
interface Growing {
  readonly block: Block;
  /** A tool's arguments so far. */
  json: string;
  /** Its place among the tool calls, where it is one of the client's. */
  readonly call: number | null;
  readonly answer: boolean;
}

/** Content blocks of one message, in the deltas that say the same. */
export interface Blocks {
  start(index: unknown, content: unknown): readonly ChunkDelta[];
  grow(index: unknown, delta: unknown): readonly ChunkDelta[];
  stop(index: unknown): readonly ChunkDelta[];
  /** What was held back until the end of the message. */
  end(): readonly ChunkDelta[];
  /** Was any tool of the client's called? */
  calls(): boolean;
  /** Everything so far, as the vendor would have sent it in one piece. */
  whole(): readonly Block[];
}

export function createBlocks(reading: Reading): Blocks {
  const open = new Map<unknown, Growing>();
  const whole: Block[] = [];
  const unfence = reading.json === 'words' ? createUnfence() : null;
  let calls = 0;
  let answered = false;
  /** Prose before a JSON answer is no part of it; whether there will be one shows only later. */
  let prose = '';

  const said = (text: string): readonly ChunkDelta[] => {
    if (text === '') return [];
    if (reading.json === 'tool') {
      prose += text;
      return [];
    }
    const content = unfence ? unfence.push(text) : text;
    return content === '' ? [] : [{ content }];
  };

  const began = ({ block, call, answer }: Growing): readonly ChunkDelta[] => {
    if (answer) {
      answered = true;
      prose = '';
      return [];
    }
    const wire = asText(block['name'] ?? '');
    if (call === null || reading.custom.has(wire)) return [];
    const head = { index: call, id: asText(block['id'] ?? ''), type: 'function' };
    return [{ tool_calls: [{ ...head, function: { name: reading.names.own(wire), arguments: '' } }] }];
  };

  const typed = (growing: Growing, json: string): readonly ChunkDelta[] => {
    if (json === '') return [];
    growing.json += json;
    if (growing.answer) return [{ content: json }];
    if (growing.call === null || reading.custom.has(asText(growing.block['name'] ?? ''))) return [];
    return [{ tool_calls: [{ index: growing.call, function: { arguments: json } }] }];
  };

  /** Some who speak this dialect do not say that a block begins. */
  const unannounced = (index: unknown, type: unknown): Growing | null => {
    const kind = /^(text|thinking)_delta$/.exec(asText(type))?.[1];
    if (!kind) return null;
    const growing: Growing = { block: { type: kind }, json: '', call: null, answer: false };
    open.set(index, growing);
    whole.push(growing.block);
    return growing;
  };

  return {
    start(index, content) {
      if (!isRecord(content)) return [];
      const block = { ...content };
      const answer = isAnswer(block, reading);
      const call = block['type'] === 'tool_use' && !answer ? calls++ : null;
      const growing: Growing = { block, json: '', call, answer };
      open.set(index, growing);
      whole.push(block);
      if (block['type'] === 'text') return said(asText(block['text'] ?? ''));
      if (block['type'] === 'thinking' && block['thinking'])
        return [{ reasoning_content: asText(block['thinking']) }];
      if (block['type'] !== 'tool_use') return [];
      // arguments that are there already come in no delta
      const early = isRecord(block['input']) && Object.keys(block['input']).length > 0;
      return [...began(growing), ...(early ? typed(growing, JSON.stringify(block['input'])) : [])];
    },
    grow(index, delta) {
      if (!isRecord(delta)) return [];
      const growing = open.get(index) ?? unannounced(index, delta['type']);
      if (!growing) return [];
      const { block } = growing;
      const add = (field: string, value: unknown): string => {
        const text = typeof value === 'string' ? value : '';
        block[field] = asText(block[field] ?? '') + text;
        return text;
      };
      switch (delta['type']) {
        case 'text_delta':
          return said(add('text', delta['text']));
        case 'thinking_delta': {
          const thinking = add('thinking', delta['thinking']);
          return thinking === '' ? [] : [{ reasoning_content: thinking }];
        }
        case 'signature_delta':
          add('signature', delta['signature']);
          return [];
        case 'input_json_delta':
          return typed(growing, typeof delta['partial_json'] === 'string' ? delta['partial_json'] : '');
        case 'compaction_delta':
          add('content', delta['content']);
          return [];
        case 'citations_delta':
          return cited(block, delta['citation']);
        default:
          return []; // what is yet to be invented
      }
    },
    stop(index) {
      const growing = open.get(index);
      open.delete(index);
      if (!growing) return [];
      const { block, call, json, answer } = growing;
      if (block['type'] === 'thinking' || block['type'] === 'redacted_thinking')
        return [{ thinking_blocks: [block] }];
      if (json !== '' && isRecord(block['input'])) block['input'] = parseJson(json) ?? block['input'];
      if (answer) return json === '' ? [{ content: '{}' }] : [];
      if (call === null) return [];
      const wire = asText(block['name'] ?? '');
      if (!reading.custom.has(wire)) return json === '' ? typed(growing, '{}') : [];
      const custom = { name: reading.names.own(wire), input: freeInput(parseJson(json)) };
      return [{ tool_calls: [{ index: call, id: asText(block['id'] ?? ''), type: 'custom', custom }] }];
    },
    end() {
      const rest = answered ? '' : prose + (unfence?.end() ?? '');
      return rest === '' ? [] : [{ content: rest }];
    },
    calls: () => calls > 0,
    whole: () => whole,
  };
}

function cited(block: Block, citation: unknown): readonly ChunkDelta[] {
  const before = Array.isArray(block['citations']) ? block['citations'] : [];
  block['citations'] = [...before, citation];
  const note = annotation(citation);
  return note ? [{ annotations: [note] }] : [];
}
