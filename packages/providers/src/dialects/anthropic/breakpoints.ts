import { isRecord } from '../openai/errors.ts';

/** More breakpoints of the prompt cache than this are refused. Source: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching (read 2026-11-20). */
const MOST = 4;

/** Takes the earliest breakpoints away where there are too many: the later ones cover what they cover. */
export function limitBreakpoints(body: Record<string, unknown>): void {
  const marked = [...found(body['tools']), ...found(body['system']), ...messages(body['messages'])];
  for (const block of marked.slice(0, Math.max(0, marked.length - MOST))) delete block['cache_control'];
}

const found = (blocks: unknown): Record<string, unknown>[] =>
  Array.isArray(blocks)
    ? blocks.filter(isRecord).filter((block) => block['cache_control'] !== undefined)
    : [];

const messages = (turns: unknown): Record<string, unknown>[] =>
  Array.isArray(turns)
    ? turns
        .filter(isRecord)
        .flatMap(({ content }) =>
          Array.isArray(content)
            ? content.filter(isRecord).flatMap((block) => [...found([block]), ...found(block['content'])])
            : [],
        )
    : [];
