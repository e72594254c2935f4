import type { ChatRequest } from '@inferbridge/core';
import { asText, jsonText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { cacheControl, malformed } from './content.ts';
import type { Names } from './names.ts';
import { withOneRoot } from './root.ts';
import { isNative, nativeSchema } from './schema.ts';

/** Tools and the choice among them, as the wire spells them. Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use (read 2026-11-20). */
export interface Tools {
  readonly tools: readonly Record<string, unknown>[];
  readonly choice: Choice | null;
  /** What the caller wants and the model cannot be made to do: asked for in words. */
  readonly plea: string | null;
  /** Free-form tools by their names on the wire: their one argument is unwrapped on the way back. */
  readonly custom: ReadonlySet<string>;
}

export type Choice = { readonly type: 'auto' | 'any' | 'none' | 'tool'; readonly name?: string } & Record<
  string,
  unknown
>;

export interface ToolRules {
  readonly names: Names;
  /** May a tool be forced? Otherwise only what may be called is offered, and the model is asked to call it. */
  readonly force: boolean;
  /** Does the vendor hold arguments to their schema? */
  readonly strict: boolean;
}

/** More strict tools than this are refused. */
const MOST_STRICT = 20;

export function toolsOf(request: ChatRequest, rules: ToolRules): Tools {
  const given = Array.isArray(request.tools) ? request.tools : [];
  const wanted = wantedOf(request['tool_choice']);
  const strictOnes = given.filter(
    (tool) => isRecord(tool) && isRecord(tool['function']) && tool['function']['strict'] === true,
  );
  const strict = rules.strict && strictOnes.length <= MOST_STRICT;
  const all = given.map((tool, index) => toolOf(tool, `tools[${index}]`, { ...rules, strict }));
  const named = wanted.only ? all.filter(({ own }) => wanted.only?.includes(own)) : all;
  if (wanted.only && named.length === 0 && given.length > 0)
    throw malformed(
      'tool_choice',
      `it names no tool of the request: "${wanted.only[0]?.slice(0, 64) ?? ''}"`,
    );
  // one that is forced needs no other to be hidden; where nothing can be forced, hiding is what helps
  const offered = wanted.mode === 'tool' && rules.force ? all : named;
  const custom = new Set(offered.filter((tool) => tool.custom).map(({ wire }) => asText(wire['name'])));
  return {
    tools: offered.map(({ wire }) => wire),
    custom,
    ...choose(request, wanted, named, rules),
  };
}

interface Wanted {
  readonly mode: 'auto' | 'any' | 'none' | 'tool' | null;
  /** The tools that may be called, where not all of them may. */
  readonly only: readonly string[] | null;
}

function wantedOf(choice: unknown): Wanted {
  if (choice === undefined || choice === null) return { mode: null, only: null };
  if (choice === 'none' || choice === 'auto') return { mode: choice, only: null };
  if (choice === 'required') return { mode: 'any', only: null };
  // some clients write the words as objects
  if (isRecord(choice) && ['auto', 'none', 'any', 'required'].includes(asText(choice['type'])))
    return wantedOf(choice['type'] === 'any' ? 'required' : choice['type']);
  const nameIn = (value: unknown): string | null => {
    const inner = isRecord(value) ? (value['function'] ?? value['custom'] ?? value) : null;
    return isRecord(inner) && typeof inner['name'] === 'string' ? inner['name'] : null;
  };
  if (isRecord(choice) && choice['type'] === 'allowed_tools') {
    const allowed = isRecord(choice['allowed_tools']) ? choice['allowed_tools'] : choice;
    const tools = Array.isArray(allowed['tools']) ? allowed['tools'] : [];
    return {
      mode: allowed['mode'] === 'required' ? 'any' : 'auto',
      only: tools.flatMap((tool) => nameIn(tool) ?? []),
    };
  }
  const name = nameIn(choice);
  if (name === null)
    throw malformed('tool_choice', '"auto", "none", "required" or the name of a tool is wanted');
  return { mode: 'tool', only: [name] };
}

interface Offered {
  readonly own: string;
  readonly custom: boolean;
  readonly wire: Record<string, unknown>;
}

function choose(
  request: ChatRequest,
  { mode }: Wanted,
  offered: readonly Offered[],
  { force }: ToolRules,
): Pick<Tools, 'choice' | 'plea'> {
  if (offered.length === 0) return { choice: null, plea: null };
  const alone = request['parallel_tool_calls'] === false ? { disable_parallel_tool_use: true } : null;
  if (mode === 'none') return { choice: { type: 'none' }, plea: null };
  const forced = mode === 'any' || mode === 'tool';
  if (forced && !force) {
    const which = mode === 'tool' ? `the tool ${asText(offered[0]?.wire['name'])}` : 'one of the tools';
    return { choice: { type: 'auto', ...alone }, plea: `Answer by calling ${which}; do not answer in text.` };
  }
  if (mode === 'tool')
    return { choice: { type: 'tool', name: asText(offered[0]?.wire['name']), ...alone }, plea: null };
  if (mode === null && !alone) return { choice: null, plea: null };
  return { choice: { type: mode ?? 'auto', ...alone }, plea: null };
}

function toolOf(tool: unknown, place: string, { names, strict }: ToolRules): Offered {
  if (!isRecord(tool)) throw malformed(place, 'an object is wanted');
  const type = tool['type'] ?? 'function';
  if (type === 'custom') return freeForm(tool, place, names);
  if (type !== 'function') return { own: asText(tool['name'] ?? ''), custom: false, wire: { ...tool } };
  const inner = tool['function'];
  if (!isRecord(inner) || typeof inner['name'] !== 'string' || inner['name'] === '')
    throw malformed(`${place}.function.name`, 'a name is wanted');
  const { name, description, parameters } = inner;
  const { schema, words } = withOneRoot(isRecord(parameters) ? parameters : {});
  const held =
    strict &&
    inner['strict'] === true &&
    words === null &&
    isObjectSchema(parameters) &&
    isNative(parameters);
  const described = [description, words].filter((text) => typeof text === 'string' && text !== '');
  return {
    own: name,
    custom: false,
    wire: {
      ...withoutStrict(tool['anthropic_tool']),
      name: names.wire(name),
      ...(described.length > 0 && { description: described.join('\n\n') }),
      input_schema: objectSchema(held ? nativeSchema(parameters) : schema),
      ...(held && { strict: true }),
      ...(cacheControl(tool) ?? cacheControl(inner)),
    },
  };
}

/** What a client of this dialect said of a tool; whether it is strict is decided here. */
function withoutStrict(tool: unknown): Record<string, unknown> {
  if (!isRecord(tool)) return {};
  const { strict: _, ...rest } = tool;
  return rest;
}

/** A free-form tool is one with a single text for its input. */
function freeForm(tool: Record<string, unknown>, place: string, names: Names): Offered {
  const inner = isRecord(tool['custom']) ? tool['custom'] : tool;
  const { name, description, format } = inner;
  if (typeof name !== 'string' || name === '') throw malformed(`${place}.custom.name`, 'a name is wanted');
  const rule =
    isRecord(format) && format['type'] === 'grammar' ? ` It must fit this grammar: ${jsonText(format)}` : '';
  return {
    own: name,
    custom: true,
    wire: {
      name: names.wire(name),
      ...(typeof description === 'string' && { description }),
      input_schema: {
        type: 'object',
        properties: { input: { type: 'string', description: `The whole input as plain text.${rule}` } },
        required: ['input'],
      },
    },
  };
}

const isObjectSchema = (schema: unknown): schema is Record<string, unknown> =>
  isRecord(schema) && (schema['type'] === 'object' || isRecord(schema['properties']));

/** Parameters are an object's schema, also where the caller gave none. */
function objectSchema(parameters: unknown): Record<string, unknown> {
  if (!isRecord(parameters)) return { type: 'object', properties: {} };
  const { $schema: _, ...rest } = parameters;
  return { ...rest, type: 'object', ...(rest['properties'] === undefined && { properties: {} }) };
}
