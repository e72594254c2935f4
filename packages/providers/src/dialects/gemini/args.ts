import { isRecord } from '../openai/errors.ts';

/*
 * Arguments that come in pieces: each names its place by a path and its value, or more of a text.
 * Source: recorded streams of gemini-3 models and https://ai.google.dev/gemini-api/docs/function-calling (read 2026-11-20).
 */

const STEP = /\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]/g;
/** Nobody's list is longer; a place beyond it would only fill memory. */
const MOST_ITEMS = 10_000;

type Step = string | number;

export function applyArgs(args: Record<string, unknown>, pieces: unknown): void {
  if (!Array.isArray(pieces)) return;
  for (const piece of pieces.filter(isRecord)) {
    const path = typeof piece['jsonPath'] === 'string' ? stepsOf(piece['jsonPath']) : null;
    if (path && path.length > 0) put(args, path, piece);
  }
}

/** `$.operations[0].price` → operations, 0, price; `null` where it cannot be followed. */
function stepsOf(path: string): Step[] | null {
  if (!path.startsWith('$')) return null;
  const steps: Step[] = [];
  let end = 1;
  for (const match of path.slice(1).matchAll(STEP)) {
    if (match.index !== end - 1) return null;
    const [all, dotted, single, double, index] = match;
    if (index !== undefined && Number(index) > MOST_ITEMS) return null;
    steps.push(index === undefined ? (dotted ?? single ?? double ?? '') : Number(index));
    end += all.length;
  }
  return end === path.length && !steps.includes('__proto__') ? steps : null;
}

function put(root: Record<string, unknown>, path: readonly Step[], piece: Record<string, unknown>): void {
  let node: Record<Step, unknown> = root;
  for (const [at, step] of path.slice(0, -1).entries()) {
    const next = node[step];
    if (typeof next !== 'object' || next === null) node[step] = typeof path[at + 1] === 'number' ? [] : {};
    node = node[step] as Record<Step, unknown>; // an object or a list, made just now or before
  }
  const last = path.at(-1) ?? '';
  const before = node[last];
  if (typeof piece['stringValue'] === 'string')
    node[last] = (typeof before === 'string' ? before : '') + piece['stringValue'];
  else if (typeof piece['numberValue'] === 'number') node[last] = piece['numberValue'];
  else if (typeof piece['boolValue'] === 'boolean') node[last] = piece['boolValue'];
  else if ('nullValue' in piece) node[last] = null;
}
