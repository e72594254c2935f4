import { isRecord } from '../openai/errors.ts';
import { malformed } from './faults.ts';
import type { Item } from './item.ts';

/**
 * Tools in the flat form that /v1/responses wants; a tool that OpenAI runs itself passes as it is. A function is held
 * to its schema only where the caller said so, as in chat. Source: https://platform.openai.com/docs/guides/function-calling (read 2026-11-20).
 */
export function toolsOf(tools: unknown): Item[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) throw malformed('tools', 'an array is wanted');
  return tools.map((tool: unknown, index) => {
    const place = `tools[${index}]`;
    if (!isRecord(tool)) throw malformed(place, 'an object is wanted');
    const type = tool['type'] ?? 'function';
    if (type === 'function') return functionTool(tool['function'], `${place}.function`);
    return type === 'custom' ? customTool(tool['custom'], `${place}.custom`) : { ...tool };
  });
}

function functionTool(inner: unknown, place: string): Item {
  const { name, description, parameters, strict } = named(inner, place);
  return {
    type: 'function',
    name,
    ...(typeof description === 'string' && { description }),
    parameters: isRecord(parameters) ? parameters : { type: 'object', properties: {} },
    strict: strict === true,
  };
}

function customTool(inner: unknown, place: string): Item {
  const { name, description, format } = named(inner, place);
  return {
    type: 'custom',
    name,
    ...(typeof description === 'string' && { description }),
    ...(isRecord(format) && { format: flatFormat(format) }),
  };
}

function flatFormat({ grammar, ...format }: Item): Item {
  return isRecord(grammar) ? { ...format, ...grammar } : { ...format };
}

function named(inner: unknown, place: string): Item {
  if (!isRecord(inner) || typeof inner['name'] !== 'string' || inner['name'] === '')
    throw malformed(`${place}.name`, 'a name is wanted');
  return inner;
}

const WORDS: ReadonlySet<unknown> = new Set(['auto', 'none', 'required']);

/** The choice among tools, flat as the tools are. */
export function choiceOf(choice: unknown): unknown {
  if (WORDS.has(choice)) return choice;
  if (!isRecord(choice) || typeof choice['type'] !== 'string')
    throw malformed('tool_choice', '"auto", "none", "required" or an object with a type is wanted');
  if (choice['type'] !== 'allowed_tools') return flatChoice(choice, 'tool_choice');
  const { mode, tools } = isRecord(choice['allowed_tools']) ? choice['allowed_tools'] : choice;
  if (!Array.isArray(tools)) throw malformed('tool_choice.allowed_tools.tools', 'an array is wanted');
  return {
    type: 'allowed_tools',
    mode: mode === 'required' ? 'required' : 'auto',
    tools: tools.map((tool, index) => flatChoice(tool, `tool_choice.allowed_tools.tools[${index}]`)),
  };
}

function flatChoice(choice: unknown, place: string): Item {
  if (!isRecord(choice)) throw malformed(place, 'an object is wanted');
  const { type } = choice;
  if (type !== 'function' && type !== 'custom') return { ...choice };
  return { type, name: named(choice[type] ?? choice, `${place}.${type}`)['name'] };
}
