import type { ChatRequest } from '@inferbridge/core';
import { asText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { malformed } from './content.ts';
import type { Names } from './names.ts';
import { geminiSchema } from './schema.ts';

/** Functions and the choice among them, as the wire spells them. Source: https://ai.google.dev/gemini-api/docs/function-calling (read 2026-11-20). */
export interface Tools {
  readonly declarations: readonly Record<string, unknown>[];
  readonly calling: Record<string, unknown> | null;
  /** Free-form tools by their names on the wire: their one argument is unwrapped on the way back. */
  readonly custom: ReadonlySet<string>;
}

export function toolsOf(request: ChatRequest, names: Names): Tools {
  const given = Array.isArray(request.tools) ? request.tools : [];
  const { mode, only } = wantedOf(request['tool_choice']);
  const all = given.map((tool, index) => declared(tool, `tools[${index}]`, names));
  const offered = only ? all.filter(({ own }) => only.includes(own)) : all;
  if (only && offered.length === 0 && given.length > 0)
    throw malformed('tool_choice', `it names no tool of the request: "${only[0]?.slice(0, 64) ?? ''}"`);
  const wireNames = offered.map(({ wire }) => wire['name']);
  // the names can be told only where a call is a must; otherwise what may not be called is not offered
  const telling = only !== null && mode === 'ANY';
  return {
    declarations: (telling ? all : offered).map(({ wire }) => wire),
    calling:
      mode === null || given.length === 0
        ? null
        : { mode, ...(telling && { allowedFunctionNames: wireNames }) },
    custom: new Set(all.filter((tool) => tool.custom).map(({ wire }) => asText(wire['name']))),
  };
}

interface Wanted {
  readonly mode: 'AUTO' | 'ANY' | 'NONE' | null;
  /** The tools that may be called, where not all of them may. */
  readonly only: readonly string[] | null;
}

const MODES: Readonly<Record<string, Wanted['mode']>> = { auto: 'AUTO', none: 'NONE', required: 'ANY' };

function wantedOf(choice: unknown): Wanted {
  if (choice === undefined || choice === null) return { mode: null, only: null };
  const mode = typeof choice === 'string' && Object.hasOwn(MODES, choice) ? MODES[choice] : undefined;
  if (mode) return { mode, only: null };
  if (isRecord(choice) && choice['type'] === 'allowed_tools') {
    const allowed = isRecord(choice['allowed_tools']) ? choice['allowed_tools'] : choice;
    const tools = Array.isArray(allowed['tools']) ? allowed['tools'] : [];
    return {
      mode: allowed['mode'] === 'required' ? 'ANY' : 'AUTO',
      only: tools.flatMap((tool) => nameIn(tool) ?? []),
    };
  }
  const name = nameIn(choice);
  if (name === null)
    throw malformed('tool_choice', '"auto", "none", "required" or the name of a tool is wanted');
  return { mode: 'ANY', only: [name] };
}

function nameIn(value: unknown): string | null {
  const inner = isRecord(value) ? (value['function'] ?? value['custom'] ?? value) : null;
  return isRecord(inner) && typeof inner['name'] === 'string' ? inner['name'] : null;
}

interface Declared {
  readonly own: string;
  readonly custom: boolean;
  readonly wire: Readonly<Record<string, unknown>>;
}

function declared(tool: unknown, place: string, names: Names): Declared {
  if (!isRecord(tool)) throw malformed(place, 'an object is wanted');
  const custom = tool['type'] === 'custom';
  const inner = custom ? (tool['custom'] ?? tool) : tool['function'];
  if (!isRecord(inner) || typeof inner['name'] !== 'string' || inner['name'] === '')
    throw malformed(`${place}.${custom ? 'custom' : 'function'}.name`, 'a name is wanted');
  const { name, description, parameters, format } = inner;
  const schema = custom ? freeForm(format) : parametersOf(parameters);
  return {
    own: name,
    custom,
    wire: {
      name: names.wire(name),
      ...(typeof description === 'string' && description !== '' && { description }),
      ...(schema && { parametersJsonSchema: schema }),
    },
  };
}

/** A function without parameters has none; all others take an object. */
function parametersOf(parameters: unknown): Record<string, unknown> | null {
  const schema = geminiSchema(parameters);
  if (!isRecord(schema) || Object.keys(schema).length === 0) return null;
  return schema['type'] === undefined && schema['$ref'] === undefined
    ? { ...schema, type: 'object' }
    : schema;
}

/** A free-form tool is one with a single text for its input. */
function freeForm(format: unknown): Record<string, unknown> {
  const rule =
    isRecord(format) && format['type'] === 'grammar'
      ? ` It must fit this grammar: ${JSON.stringify(format)}`
      : '';
  return {
    type: 'object',
    properties: { input: { type: 'string', description: `The whole input as plain text.${rule}` } },
    required: ['input'],
  };
}
