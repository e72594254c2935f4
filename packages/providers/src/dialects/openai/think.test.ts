import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { createThink } from './think.ts';

function split(pieces: readonly string[]): { content: string; reasoning: string } {
  const think = createThink();
  const said = [...pieces.map((piece) => think.push(piece)), think.end()];
  return {
    content: said.map(({ content }) => content).join(''),
    reasoning: said.map(({ reasoning }) => reasoning).join(''),
  };
}

const CASES: [text: string, content: string, reasoning: string][] = [
  ['Hello', 'Hello', ''],
  ['<think>hm</think>Hello', 'Hello', 'hm'],
  ['<think>\nhm\n</think>\n\nHello', 'Hello', 'hm\n'],
  ['\n <think>hm</think>  Hello\n', 'Hello\n', 'hm'],
  ['<think></think>Hello', 'Hello', ''],
  ['<think>cut short', '', 'cut short'],
  ['<think>cut in the tag</thi', '', 'cut in the tag</thi'],
  ['<thi', '<thi', ''],
  ['<', '<', ''],
  ['<thing>Hello', '<thing>Hello', ''],
  ['Say <think>this</think>', 'Say <think>this</think>', ''],
  ['<think>a < b </ c</think>ok', 'ok', 'a < b </ c'],
  ['<think>a</think>b<think>c</think>', 'b<think>c</think>', 'a'],
  ['  indented', '  indented', ''],
  ['\n\n', '\n\n', ''],
  ['', '', ''],
];

describe('thinking aloud', () => {
  it.each(CASES)('in %j says %j and thinks %j', (text, content, reasoning) => {
    expect(split([text])).toEqual({ content, reasoning });
  });

  it.each(CASES)('in %j is the same one letter at a time', (text, content, reasoning) => {
    expect(split([...text])).toEqual({ content, reasoning });
  });

  it.each(CASES)('in %j is the same in any two pieces, and in random ones', (text, content, reasoning) => {
    for (let at = 0; at <= text.length; at++)
      expect(split([text.slice(0, at), text.slice(at)]), `${at}`).toEqual({ content, reasoning });
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const pieces: string[] = [];
      for (let at = 0; at < text.length; ) {
        const size = 1 + Math.floor(random() * 4);
        pieces.push(text.slice(at, at + size));
        at += size;
      }
      expect(split(pieces)).toEqual({ content, reasoning });
    }
  });
});
