import { isRecord } from '../../openai/errors.ts';
import { fault, optionalText, textIn } from './faults.ts';
import { marked } from './parts.ts';

type Block = Record<string, unknown>;

/** Tools of the client's own as functions; those that the vendor runs itself stay as they are. */
export function toolsOf(tools: unknown): Block[] {
  if (!Array.isArray(tools)) throw fault('tools', 'a list is wanted');
  return tools.map((tool: unknown, index) => {
    const place = `tools[${index}]`;
    if (!isRecord(tool)) throw fault(place, 'an object is wanted');
    const { type, input_schema: parameters, strict } = tool;
    if (type !== undefined && type !== null && type !== 'custom') return tool;
    if (parameters !== undefined && !isRecord(parameters))
      throw fault(`${place}.input_schema`, 'a JSON schema is wanted');
    const description = optionalText(tool, 'description', place);
    return {
      type: 'function',
      function: {
        name: textIn(tool, 'name', place),
        ...(description !== null && { description }),
        parameters: parameters ?? { type: 'object', properties: {} },
        ...(strict === true && { strict }),
      },
      ...marked(tool),
      ...(Object.keys(tool).some((name) => !SAID.has(name)) && { anthropic_tool: tool }),
    };
  });
}

/** What chat completions says of a tool as well. */
const SAID: ReadonlySet<string> = new Set([
  'type',
  'name',
  'description',
  'input_schema',
  'strict',
  'cache_control',
]);

/** The choice, and whether one call at a time is all that is wanted. */
export function choiceOf(choice: unknown): Block {
  if (choice === undefined || choice === null) return {};
  if (!isRecord(choice)) throw fault('tool_choice', 'an object with a type is wanted');
  const alone = choice['disable_parallel_tool_use'] === true ? { parallel_tool_calls: false } : null;
  switch (choice['type']) {
    case 'auto':
      return { tool_choice: 'auto', ...alone };
    case 'any':
      return { tool_choice: 'required', ...alone };
    case 'none':
      return { tool_choice: 'none' };
    case 'tool':
      return {
        tool_choice: { type: 'function', function: { name: textIn(choice, 'name', 'tool_choice') } },
        ...alone,
      };
    default:
      throw fault('tool_choice.type', '"auto", "any", "tool" or "none" is wanted');
  }
}
