import type { ChatRequest } from '@inferbridge/core';
import { jsonText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { isNative, nativeSchema } from './schema.ts';

/*
 * An answer that is JSON: held to its schema by the vendor, given as the arguments of a tool, or asked for in words.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs (read 2026-11-20).
 */

/** The tool whose arguments are the answer, unless the caller has one of that name. */
const JSON_TOOL = 'json';

export type Structured =
  | { readonly by: 'format'; readonly format: Record<string, unknown> }
  | { readonly by: 'tool'; readonly tool: Record<string, unknown> }
  | { readonly by: 'words'; readonly words: string };

/** What the model at hand can do. */
export interface StructuredRules {
  readonly schema: boolean;
  readonly force: boolean;
  /** Names of the caller's own tools. */
  readonly taken: ReadonlySet<unknown>;
}

/** How the answer becomes JSON; `null` where any text will do. */
export function structuredOf(
  request: ChatRequest,
  { schema: native, force, taken }: StructuredRules,
): Structured | null {
  const format = request['response_format'];
  if (!isRecord(format)) return null;
  if (format['type'] === 'json_object')
    return { by: 'words', words: 'Answer with one JSON object and nothing else: no prose, no code fences.' };
  if (format['type'] !== 'json_schema') return null;
  const given = isRecord(format['json_schema']) ? format['json_schema'] : {};
  const schema = isRecord(given['schema']) ? given['schema'] : {};
  if (native && isNative(schema) && isObject(schema))
    return { by: 'format', format: { type: 'json_schema', schema: nativeSchema(schema) } };
  if (force && isObject(schema))
    return {
      by: 'tool',
      tool: {
        name: freeName(taken),
        description:
          typeof given['description'] === 'string'
            ? given['description']
            : 'Give the answer by calling this tool.',
        input_schema: { type: 'object', ...schema },
      },
    };
  return {
    by: 'words',
    words: `Answer with JSON that fits this JSON schema and nothing else: no prose, no code fences.\n${jsonText(schema)}`,
  };
}

function freeName(taken: ReadonlySet<unknown>): string {
  let name = JSON_TOOL;
  while (taken.has(name)) name += '_';
  return name;
}

const isObject = (schema: Record<string, unknown>): boolean =>
  schema['type'] === 'object' || schema['type'] === undefined;
