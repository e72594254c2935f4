import { describe, expect, it } from 'vitest';
import { checkChat } from './chat-body.ts';

const call = { id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } };
const assistant = (calls: number) => ({
  role: 'assistant',
  content: null,
  tool_calls: Array(calls).fill(call),
});
const user = (parts: number) => ({ role: 'user', content: Array(parts).fill({ type: 'text', text: 'x' }) });
const check = (messages: readonly object[]) => () => checkChat({ model: 'm', messages });

describe('a conversation', () => {
  it('may have as many calls and parts as anybody could mean, and no more, over all its messages', () => {
    expect(check([assistant(10_000), assistant(10_000)])).not.toThrow();
    expect(check([assistant(10_000), assistant(10_001)])).toThrow(
      'messages[1].tool_calls: at most 20000 are taken in a conversation',
    );
    expect(check([user(50_000)])).not.toThrow();
    expect(check([user(1), user(50_000)])).toThrow('messages[1].content: at most 50000');
  });

  it('is looked at, whatever it is', () => {
    expect(check([null, 7, 'x'] as never)).toThrow();
  });
});
