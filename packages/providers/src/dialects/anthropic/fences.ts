/** Takes the code fence away that models put around JSON although they were asked not to. Text may come in pieces. */
export interface Unfence {
  /** What can be passed on of everything so far. */
  push(text: string): string;
  end(): string;
}

/** More than this at the end is no closing fence any more. */
const MOST_TAIL = 256;

/** Where a closing fence begins, or what may become one: blanks, up to three ticks, blanks. */
function tailOf(text: string): number {
  let end = text.trimEnd().length;
  for (let ticks = 0; ticks < 3 && text[end - 1] === '`'; ticks++) end -= 1;
  const start = text.slice(0, end).trimEnd().length;
  return text.length - start > MOST_TAIL ? text.length : start;
}

export function createUnfence(): Unfence {
  let state: 'start' | 'plain' | 'fenced' = 'start';
  let held = '';
  const fenced = (): string => {
    const at = tailOf(held);
    const ready = held.slice(0, at);
    held = held.slice(at);
    return ready;
  };
  const begin = (): string => {
    const text = held.trimStart();
    if ('```'.startsWith(text.slice(0, 3)) && text.length < 3) return '';
    if (!text.startsWith('```')) {
      state = 'plain';
      held = '';
      return text;
    }
    const line = text.indexOf('\n');
    if (line < 0) return '';
    state = 'fenced';
    held = text.slice(line + 1);
    return fenced();
  };
  return {
    push(text) {
      if (state === 'plain') return text;
      held += text;
      return state === 'start' ? begin() : fenced();
    },
    end() {
      const rest = state === 'fenced' && held.includes('```') ? '' : held;
      held = '';
      return rest;
    },
  };
}

export function unfenced(text: string): string {
  const unfence = createUnfence();
  return unfence.push(text) + unfence.end();
}
