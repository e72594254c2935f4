import { isRecord } from '../../openai/errors.ts';
import { malformed } from '../faults.ts';
import type { Item } from '../item.ts';

/** Flat tools in the form that chat wants; tools that a vendor runs itself pass as they are. */
export function nestedTools(tools: unknown): Item[] {
  if (!Array.isArray(tools)) throw malformed('tools', 'an array is wanted');
  return tools.map((tool: unknown, index) => {
    const place = `tools[${index}]`;
    if (!isRecord(tool)) throw malformed(place, 'an object is wanted');
    const { type } = tool;
    if (typeof type !== 'string') throw malformed(`${place}.type`, 'a string is wanted');
    if (type === 'function') return { type, function: functionOf(tool, place) };
    return type === 'custom' ? { type, custom: customOf(tool, place) } : { ...tool };
  });
}

function functionOf(tool: Item, place: string): Item {
  const { description, parameters, strict } = tool;
  return {
    name: nameIn(tool, place),
    ...(typeof description === 'string' && { description }),
    ...(isRecord(parameters) && { parameters }),
    ...(typeof strict === 'boolean' && { strict }),
  };
}

function customOf(tool: Item, place: string): Item {
  const { description, format } = tool;
  return {
    name: nameIn(tool, place),
    ...(typeof description === 'string' && { description }),
    ...(isRecord(format) && { format: nestedFormat(format) }),
  };
}

function nestedFormat(format: Item): Item {
  if (format['type'] !== 'grammar') return format;
  const { type, ...grammar } = format;
  return { type, grammar };
}

function nameIn({ name }: Item, place: string): string {
  if (typeof name !== 'string' || name === '') throw malformed(`${place}.name`, 'a name is wanted');
  return name;
}

const WORDS: ReadonlySet<unknown> = new Set(['auto', 'none', 'required']);

/** The choice among tools, nested as the tools are. */
export function nestedChoice(choice: unknown): unknown {
  if (WORDS.has(choice)) return choice;
  if (!isRecord(choice) || typeof choice['type'] !== 'string')
    throw malformed('tool_choice', '"auto", "none", "required" or an object with a type is wanted');
  const { type, mode, tools } = choice;
  if (type !== 'allowed_tools') return nested(choice, 'tool_choice');
  if (!Array.isArray(tools)) throw malformed('tool_choice.tools', 'an array is wanted');
  return {
    type,
    allowed_tools: {
      mode: mode === 'required' ? 'required' : 'auto',
      tools: tools.map((tool, index) => nested(tool, `tool_choice.tools[${index}]`)),
    },
  };
}

function nested(choice: unknown, place: string): Item {
  if (!isRecord(choice)) throw malformed(place, 'an object is wanted');
  const { type } = choice;
  if (type !== 'function' && type !== 'custom') return { ...choice };
  return { type, [type]: { name: nameIn(choice, place) } };
}
