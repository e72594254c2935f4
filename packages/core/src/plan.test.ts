import { describe, expect, it } from 'vitest';
import type { ChatRequest } from './chat.ts';
import { createCall } from './pipeline.ts';
import { leaves, type Plan, requestFacts } from './plan.ts';
import { scripted, virtualClock } from './testing/index.ts';

const clock = virtualClock();
const chatFacts = (value: ChatRequest, tags?: Record<string, string>) =>
  requestFacts({ operation: 'chat', value }, tags);
const leaf = (id: string): Plan => {
  const target = scripted(id, [{ say: 'hi' }], { clock });
  return {
    attempt: { target, facts: target.facts(createCall({ model: 'm', messages: [] }, { clock })) },
    why: '',
  };
};

describe('leaves', () => {
  it('reads a tree of every kind of node from left to right', () => {
    const plan: Plan = {
      inOrder: [
        { together: [leaf('a:1'), { staggered: [leaf('b:2'), leaf('c:3')], afterMs: 5 }] },
        { inOrder: [] },
        leaf('d:4'),
      ],
    };
    expect(leaves(plan).map(({ target }) => target.id)).toEqual(['a:1', 'b:2', 'c:3', 'd:4']);
  });
});

describe('requestFacts', () => {
  it('estimates a quarter of the characters as tokens, text parts included', () => {
    const facts = chatFacts({
      model: 'm',
      messages: [
        { role: 'system', content: '12345' },
        { role: 'user', content: [{ type: 'text', text: '1234' }] },
        { role: 'assistant', content: null },
      ],
    });
    expect(facts.inputTokens).toBe(3);
  });

  it.each([
    [{ max_tokens: 7 }, 7],
    [{ max_completion_tokens: 9, max_tokens: 7 }, 9],
    [{}, null],
  ])('reads the longest answer allowed from %o', (limits, most) => {
    expect(chatFacts({ model: 'm', messages: [], ...limits }).maxOutputTokens).toBe(most);
  });

  it('sees images, tools and streaming', () => {
    const facts = chatFacts({
      model: 'm',
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }],
      tools: [{}],
      stream: true,
    });
    expect(facts).toMatchObject({ images: true, tools: true, stream: true });
  });

  it('sees none of them where there are none, and keeps the tags', () => {
    const facts = chatFacts(
      { model: 'm', messages: [{ role: 'user', content: 'x' }], tools: [], stream: null },
      { team: 'a' },
    );
    expect(facts).toMatchObject({ images: false, tools: false, stream: false, tags: { team: 'a' } });
  });
});
