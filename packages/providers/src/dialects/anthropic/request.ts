import type { ChatRequest } from '@inferbridge/core';
import { dropping, refusing, type Treatments } from '../../features.ts';
import { asText } from '../../json.ts';
import { withinBreakpoints } from './breakpoints.ts';
import type { Block } from './content.ts';
import { abilitiesOf } from './models.ts';
import { createNames } from './names.ts';
import { withOwnWords } from './own-words.ts';
import { metadata, sampling, serviceTier, stops } from './parameters.ts';
import type { Reading } from './reading.ts';
import { structuredOf } from './structured.ts';
import { thinkingOf } from './thinking.ts';
import { toolsOf } from './tools.ts';
import { turnsOf } from './turns.ts';

/*
 * OpenAI chat completions → Anthropic messages.
 * Source: https://docs.anthropic.com/en/api/messages (read 2026-11-20).
 */

/** What the vendor does with features; per model, `MODELS` says more. */
export const TREATMENTS = {
  'custom tools': 'emulated',
  'hosted tools of OpenAI': 'refused',
  'forced tool choice': 'emulated',
  'allowed tools': 'emulated',
  'functions (legacy)': 'emulated',
  'JSON mode': 'emulated',
  'JSON output with tools': 'native',
  'audio input': 'refused',
  'items of OpenAI alone': 'refused',
  'audio output': 'refused',
  'n > 1': 'refused',
  logprobs: 'refused',
  web_search_options: 'refused',
  prediction: 'dropped',
  penalties: 'dropped',
  logit_bias: 'dropped',
  seed: 'dropped',
  verbosity: 'dropped',
  'prompt caching hints': 'dropped',
  metadata: 'dropped',
  store: 'dropped',
  moderation: 'dropped',
} as const satisfies Treatments;

export const refuses = refusing(TREATMENTS);
const drop = dropping(TREATMENTS);

/** Top-level fields that are translated, or that say nothing here. */
const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'models',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'reasoning',
  'thinking',
  'output_config',
  'user',
  'safety_identifier',
  'service_tier',
  'n',
  'logprobs',
  'modalities',
]);
/** Anthropic's own, which no other vendor knows. */
const OWN = ['cache_control', 'context_management', 'mcp_servers', 'container', 'inference_geo', 'speed'];

export interface RequestRules {
  /** What becomes of system messages in the middle where the model takes none there; default `hoist`. */
  readonly systemMidway?: 'hoist' | 'user';
  /** Do without grammars: the vendor refused this one. */
  readonly withoutGrammar?: boolean;
  readonly dropped: (param: string) => void;
}

export interface MessagesRequest {
  readonly body: Record<string, unknown>;
  readonly reading: Reading;
}

export function messagesRequest(asked: ChatRequest, rules: RequestRules): MessagesRequest {
  const request = withOwnWords(asked);
  const { dropped } = rules;
  const given: Record<string, unknown> = { ...request };
  drop(given, dropped);
  for (const name of Object.keys(given)) if (!KNOWN.has(name) && !OWN.includes(name)) dropped(name);

  const abilities = abilitiesOf(request.model);
  const wanted = [request.max_completion_tokens, request.max_tokens].find((most) => typeof most === 'number');
  const maxTokens = Math.min(wanted ?? abilities.maxOutput, abilities.maxOutput);
  const names = createNames();
  const conversation = turnsOf(request.messages, {
    names,
    systemMidway: abilities.systemMidway ? 'stay' : (rules.systemMidway ?? 'hoist'),
    prefill: abilities.prefill,
  });
  const native = abilities.schema && rules.withoutGrammar !== true;
  const mayForce = abilities.forcedTools !== 'no';
  const { tools, choice, plea, custom } = toolsOf(request, { names, force: mayForce, strict: native });
  const taken = new Set(tools.map(({ name }) => name));
  const structured = structuredOf(request, { schema: native, force: mayForce, taken });
  const own = choice?.type === 'tool' || choice?.type === 'any';
  const jsonTool = structured?.by === 'tool' && !own ? structured.tool : null;
  const thinking = thinkingOf(request, abilities, {
    maxTokens,
    noBudget: conversation.thoughtless || conversation.begun || own || jsonTool !== null,
  });
  if (thinking.dropped) dropped(thinking.dropped);

  // where a call must be made there is no text that could be JSON
  const words = [plea ?? (structured?.by === 'words' ? structured.words : null)].filter(
    (text) => text !== null,
  );
  const system: readonly Block[] = [...conversation.system, ...words.map((text) => ({ type: 'text', text }))];
  const config = {
    ...(thinking.effort !== undefined && { effort: thinking.effort }),
    ...(structured?.by === 'format' && { format: structured.format }),
  };
  const body: Record<string, unknown> = {
    ...ownFields(given),
    model: request.model,
    max_tokens: maxTokens,
    ...(system.length > 0 && { system: plainly(system) }),
    messages: conversation.messages.map(({ role, content }) => ({ role, content: plainly(content) })),
    ...((tools.length > 0 || jsonTool) && { tools: jsonTool ? [...tools, jsonTool] : tools }),
    ...(jsonTool
      ? { tool_choice: answering(jsonTool, tools.length > 0 && choice?.type !== 'none') }
      : choice && { tool_choice: choice }),
    ...sampling(request, thinking.thinks ? 'none' : abilities.sampling, dropped),
    ...stops(request),
    ...(thinking.thinking && { thinking: thinking.thinking }),
    ...(Object.keys(config).length > 0 && { output_config: config }),
    ...metadata(request),
    ...serviceTier(request, dropped),
    ...(request.stream === true && { stream: true }),
  };
  return {
    body: withinBreakpoints(body),
    reading: {
      names,
      custom,
      json: jsonTool ? 'tool' : structured?.by === 'words' && plea === null ? 'words' : null,
      answer: jsonTool ? asText(jsonTool['name']) : null,
      mustCall: plea !== null,
    },
  };
}

/** The tool for the answer must be called, or where others may be, one of them all. */
const answering = (tool: Record<string, unknown>, others: boolean) => ({
  type: others ? 'any' : 'tool',
  ...(!others && { name: tool['name'] }),
  disable_parallel_tool_use: true,
});

function ownFields(given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(OWN.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
}

/** One text stands as such; several, or one with a breakpoint, as blocks. */
const plainly = (blocks: readonly Block[]): unknown => {
  const [only, ...more] = blocks;
  const bare = only?.type === 'text' && Object.keys(only).length === 2;
  return bare && more.length === 0 ? only['text'] : blocks;
};
