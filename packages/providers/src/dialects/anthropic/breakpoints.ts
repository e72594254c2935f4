import { isRecord } from '../openai/errors.ts';

/** More breakpoints of the prompt cache than this are refused. Source: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching (read 2026-11-20). */
const MOST = 4;

type Item = Record<string, unknown>;

/** The same body without its earliest breakpoints where there are too many: the later ones cover what they cover. */
export function withinBreakpoints(body: Item): Item {
  const all = [...itemsIn(body['tools']), ...itemsIn(body['system']), ...itemsIn(body['messages'])].filter(
    isMarked,
  );
  const most = body['cache_control'] === undefined ? MOST : MOST - 1; // one on the whole request counts as well
  if (all.length <= most) return body;
  const surplus = new Set(all.slice(0, all.length - most));
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip);
    if (!isRecord(value)) return value;
    const { cache_control: control, ...rest } = value;
    const kept = control === undefined || surplus.has(value) ? rest : { ...rest, cache_control: control };
    return 'content' in kept ? { ...kept, content: strip(kept['content']) } : kept;
  };
  const { tools, system, messages } = body;
  return {
    ...body,
    ...(tools !== undefined && { tools: strip(tools) }),
    ...(system !== undefined && { system: strip(system) }),
    messages: strip(messages),
  };
}

const isMarked = (item: Item): boolean => item['cache_control'] !== undefined;

/** Tools, blocks, turns, and the blocks inside them, in their order. */
function itemsIn(value: unknown): Item[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).flatMap((item) => [item, ...itemsIn(item['content'])]);
}
