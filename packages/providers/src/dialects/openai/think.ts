/** Splits what a model thinks aloud between `<think>` and `</think>` from what it says. Text may come in pieces. */
export interface Think {
  push(text: string): { content: string; reasoning: string };
  end(): { content: string; reasoning: string };
}

const OPEN = '<think>';
const CLOSE = '</think>';

/** Only an answer that begins with the tag is taken apart. */
export function createThink(): Think {
  let state: 'start' | 'thinking' | 'said' = 'start';
  let held = '';
  const nothing = { content: '', reasoning: '' };
  const step = (): { content: string; reasoning: string } => {
    if (state === 'start') {
      const text = held.trimStart();
      if (OPEN.startsWith(text)) return nothing;
      if (!text.startsWith(OPEN)) {
        state = 'said';
        return step();
      }
      state = 'thinking';
      held = text.slice(OPEN.length).replace(/^\n/, '');
    }
    if (state === 'said') {
      const content = held;
      held = '';
      return { content, reasoning: '' };
    }
    const at = held.indexOf(CLOSE);
    if (at >= 0) {
      const reasoning = held.slice(0, at);
      const content = held.slice(at + CLOSE.length).replace(/^\s+/, '');
      held = '';
      state = 'said';
      return { content, reasoning };
    }
    const keep = overlap(held);
    const reasoning = held.slice(0, held.length - keep);
    held = held.slice(held.length - keep);
    return { content: '', reasoning };
  };
  return {
    push(text) {
      held += text;
      return step();
    },
    end() {
      const rest = held;
      held = '';
      return state === 'thinking' ? { content: '', reasoning: rest } : { content: rest, reasoning: '' };
    },
  };
}

/** How much of the end may be the beginning of the closing tag. */
function overlap(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--)
    if (text.endsWith(CLOSE.slice(0, length))) return length;
  return 0;
}
