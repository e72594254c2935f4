/** Splits what a model thinks aloud between `<think>` and `</think>` from what it says. Text may come in pieces. */
export interface Think {
  push(text: string): { content: string; reasoning: string };
  end(): { content: string; reasoning: string };
}

const OPEN = '<think>';
const CLOSE = '</think>';

/** Only an answer that begins with the tag is taken apart. */
export function createThink(): Think {
  let state: 'start' | 'opened' | 'thinking' | 'closed' | 'said' = 'start';
  let held = '';
  const take = (length: number): string => {
    const text = held.slice(0, length);
    held = held.slice(length);
    return text;
  };
  /** Moves on by one state, and tells what can be passed on; `null` where more is needed. */
  const step = (): { content: string; reasoning: string } | null => {
    if (state === 'start') {
      const text = held.trimStart();
      if (OPEN.startsWith(text)) return null;
      if (text.startsWith(OPEN)) {
        held = text.slice(OPEN.length);
        state = 'opened';
      } else state = 'said';
      return NOTHING;
    }
    if (held === '') return null;
    if (state === 'opened') {
      if (held.startsWith('\n')) take(1);
      state = 'thinking';
      return NOTHING;
    }
    if (state === 'closed') {
      held = held.trimStart();
      if (held === '') return null;
      state = 'said';
      return NOTHING;
    }
    if (state === 'said') return { content: take(held.length), reasoning: '' };
    const at = held.indexOf(CLOSE);
    if (at >= 0) {
      const reasoning = take(at);
      take(CLOSE.length);
      state = 'closed';
      return { content: '', reasoning };
    }
    const reasoning = take(held.length - overlap(held));
    return reasoning === '' ? null : { content: '', reasoning };
  };
  return {
    push(text) {
      held += text;
      let content = '';
      let reasoning = '';
      for (let told = step(); told !== null; told = step()) {
        content += told.content;
        reasoning += told.reasoning;
      }
      return { content, reasoning };
    },
    end() {
      const rest = take(held.length);
      const thinking = state === 'thinking' || state === 'opened';
      return thinking ? { content: '', reasoning: rest } : { content: rest, reasoning: '' };
    },
  };
}

const NOTHING = { content: '', reasoning: '' };

/** How much of the end may be the beginning of the closing tag. */
function overlap(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--)
    if (text.endsWith(CLOSE.slice(0, length))) return length;
  return 0;
}
