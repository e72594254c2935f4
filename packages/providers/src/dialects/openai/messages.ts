import { hash } from 'node:crypto';
import { type ChatMessage, type ContentPart, GatewayError, type ToolCall } from '@inferbridge/core';
import { asText } from '../../json.ts';
import { isRecord } from './errors.ts';
import { paired } from './pairing.ts';

/** How a vendor wants the history; every field has OpenAI's own way as its default. */
export interface MessageTraits {
  /** Default true; otherwise `developer` messages become `system` ones. */
  readonly developerRole?: boolean;
  /** Content must be one string in messages of these roles: text parts are joined. Default none. */
  readonly stringContent?: readonly string[];
  /** Where an assistant's earlier reasoning goes: under this name, or nowhere. Default nowhere, as at OpenAI. */
  readonly reasoningField?: 'reasoning_content' | 'reasoning';
  /** The vendor wants that field on every assistant message: an empty text where the client kept none. */
  readonly reasoningWanted?: boolean;
  /** Other fields of ours that the vendor takes back as it gave them, `reasoning_details` for one. */
  readonly carries?: readonly string[];
  /** Default false: breakpoints of the prompt cache, spelled as Anthropic does, are taken away. */
  readonly cacheControl?: boolean;
  /** Default true; otherwise `name` on messages is refused. */
  readonly messageNames?: boolean;
  /** Default false: pictures in a tool's result move into a message of the user's behind it. */
  readonly toolImages?: boolean;
  /** True for OpenAI's own servers: what their answers hold they take back. Default false. */
  readonly openaiFields?: boolean;
  /** Ids of tool calls that the vendor takes; others are rewritten, the same id always to the same one. */
  readonly toolIds?: { readonly pattern: RegExp; readonly length: number };
}

/** What this gateway and other vendors put on messages, and OpenAI refuses. */
const FOREIGN = [
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'thinking_blocks',
  'provider_specific_fields',
  'is_error',
  'cache_control',
  'images',
  'inferbridge',
];
/** What OpenAI itself puts on answers, and most others refuse. */
const OPENAIS = ['refusal', 'annotations', 'audio'];

/** The messages as the vendor takes them; the very same array where nothing has to change. */
export function adaptMessages(
  messages: readonly ChatMessage[],
  traits: MessageTraits,
): readonly ChatMessage[] {
  const whole = paired(messages);
  let changed = whole !== messages;
  const out: ChatMessage[] = [];
  let waiting: ContentPart[] = [];
  for (const [index, message] of whole.entries()) {
    if (waiting.length > 0 && message.role !== 'tool') {
      out.push({ role: 'user', content: waiting });
      waiting = [];
    }
    if (isSimple(message, traits)) {
      out.push(message);
      continue;
    }
    const { message: adapted, images } = adapt(message, traits, `messages[${index}]`);
    if (adapted !== message || images.length > 0) changed = true;
    out.push(adapted);
    waiting.push(...images);
  }
  if (waiting.length > 0) out.push({ role: 'user', content: waiting });
  return changed ? out : messages;
}

const NO_IMAGES: readonly ContentPart[] = [];

/** Most messages are a role and a text, and need no second look. */
function isSimple(message: ChatMessage, { developerRole, reasoningWanted }: MessageTraits): boolean {
  if (typeof message.content !== 'string') return false;
  if (message.role === 'developer' && developerRole === false) return false;
  if (message.role === 'assistant' && reasoningWanted) return false;
  for (const field in message) if (field !== 'role' && field !== 'content') return false;
  return true;
}

function adapt(
  given: ChatMessage,
  traits: MessageTraits,
  place: string,
): { message: ChatMessage; images: readonly ContentPart[] } {
  const edit = editing(given);
  if (given.role === 'developer' && traits.developerRole === false) edit.set('role', 'system');
  const reasoning = textIn(given['reasoning_content']) ?? textIn(given['reasoning']);
  for (const field of FOREIGN)
    if (
      given[field] !== undefined &&
      !traits.carries?.includes(field) &&
      !(field === 'cache_control' && traits.cacheControl)
    )
      edit.remove(field);
  if (given.role === 'assistant' && !traits.openaiFields) {
    const { refusal } = given;
    if (typeof refusal === 'string' && (given.content ?? '') === '') edit.set('content', refusal);
    for (const field of OPENAIS) if (given[field] !== undefined) edit.remove(field);
  }
  if (given.role === 'assistant' && traits.reasoningField && (reasoning !== null || traits.reasoningWanted))
    edit.set(traits.reasoningField, reasoning ?? '');
  if (given.name !== undefined && traits.messageNames === false && given.role !== 'function')
    edit.remove('name');
  if (given.tool_calls !== undefined) {
    const calls = adaptCalls(given.tool_calls, traits);
    if (calls === null) {
      edit.remove('tool_calls');
      // without a call there has to be a text
      if (given.role === 'assistant' && (given.content ?? null) === null && !given['function_call'])
        edit.set('content', edit.now()['content'] ?? '');
    } else if (calls !== given.tool_calls) edit.set('tool_calls', calls);
  }
  if (typeof given.tool_call_id === 'string') {
    const id = toolId(given.tool_call_id, traits);
    if (id !== given.tool_call_id) edit.set('tool_call_id', id);
  }
  let images = NO_IMAGES;
  if (Array.isArray(given.content)) {
    const parts = adaptParts(given.content, traits, `${place}.content`);
    if (given.role === 'tool' && !traits.toolImages)
      images = parts.filter(({ type }) => type === 'image_url');
    const kept = images.length > 0 ? parts.filter(({ type }) => type !== 'image_url') : parts;
    const role = asText(edit.now()['role']);
    const plain = traits.stringContent?.includes(role) && kept.every(isWords);
    if (plain || (images.length > 0 && kept.length === 0))
      edit.set('content', kept.map(wordsOf).join('\n') || (images.length > 0 ? 'The picture follows.' : ''));
    else if (kept !== given.content) edit.set('content', kept);
  }
  return { message: edit.now() as ChatMessage, images }; // the same message but for the fields set above
}

/** Copies when the first change is made. */
function editing(given: ChatMessage) {
  let copy: Record<string, unknown> | null = null;
  const mine = () => (copy ??= { ...given });
  return {
    set(field: string, value: unknown) {
      if ((copy ?? given)[field] !== value) mine()[field] = value;
    },
    remove(field: string) {
      delete mine()[field];
    },
    now: (): Record<string, unknown> => copy ?? given,
  };
}

const textIn = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** No calls at all is no list at all; `null` says so. */
function adaptCalls(given: unknown, traits: MessageTraits): ToolCall[] | null {
  if (!Array.isArray(given) || given.length === 0) return null;
  let changed = false;
  const calls = given.map((call: unknown): ToolCall => {
    if (!isRecord(call)) return {};
    const { extra_content: extra, cache_control: control, index, ...rest } = call;
    const id = typeof call['id'] === 'string' ? toolId(call['id'], traits) : null;
    const foreign =
      (extra !== undefined && !traits.carries?.includes('extra_content')) ||
      control !== undefined ||
      index !== undefined;
    if (!foreign && (id === null || id === call['id'])) return call;
    changed = true;
    return {
      ...rest,
      ...(traits.carries?.includes('extra_content') && { extra_content: extra }),
      ...(id !== null && { id }),
    };
  });
  return changed ? calls : given;
}

function toolId(id: string, { toolIds }: MessageTraits): string {
  if (!toolIds || toolIds.pattern.test(id)) return id;
  return hash('sha256', id, 'hex').slice(0, toolIds.length);
}

const isWords = ({ type }: ContentPart): boolean => type === 'text' || type === 'refusal';
const wordsOf = (part: ContentPart): string => asText(part.type === 'refusal' ? part['refusal'] : part.text);

/** Fields of parts that other vendors' servers read. */
const MARKS = ['cache_control', 'prompt_cache_breakpoint', 'anthropic_block'];

function adaptParts(parts: ContentPart[], traits: MessageTraits, place: string): ContentPart[] {
  const taken = { cache_control: traits.cacheControl, prompt_cache_breakpoint: traits.openaiFields };
  const marks = MARKS.filter((mark) => !taken[mark as keyof typeof taken]); // some are nobody's
  let changed = false;
  const adapted = parts.map((part: unknown, index): ContentPart => {
    if (!isRecord(part))
      throw new GatewayError('invalid_request', `${place}[${index}]: an object with a type is wanted`, {
        param: `${place}[${index}]`,
      });
    const known = { ...part, type: asText(part['type']) };
    if (!marks.some((mark) => part[mark] !== undefined)) return known;
    changed = true;
    return Object.fromEntries(
      Object.entries(known).filter(([name]) => !marks.includes(name)),
    ) as typeof known; // less of the same
  });
  return changed ? adapted : parts;
}
