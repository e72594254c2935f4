import { describe, expect, it } from 'vitest';
import type { ChatChunk, ChatCompletion } from './chat.ts';
import { refused, refusedInStream } from './refusal.ts';

const completion = (message: object, finish: string) =>
  ({
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }],
  }) as unknown as ChatCompletion; // all that is looked at
const chunk = (delta: object, finish: string | null = null) =>
  ({ choices: [{ index: 0, delta, finish_reason: finish }] }) as unknown as ChatChunk; // likewise

describe('a refusal with 200', () => {
  it.each([
    [{ content: null, refusal: 'I cannot' }, 'stop', true],
    [{ content: '' }, 'content_filter', true],
    [{ content: 'half an answ' }, 'content_filter', false],
    [{ content: 'I cannot help with that' }, 'stop', false],
  ])('is told from an answer: %j, %s', (message, finish, refuses) => {
    const look = () => refused(completion(message, finish));
    if (refuses) expect(look).toThrow('the model refused to answer');
    else expect(look).not.toThrow();
  });

  it.each([
    [[chunk({ role: 'assistant' }), chunk({ refusal: 'I' })], true],
    [[chunk({}, 'content_filter')], true],
    [[chunk({ content: 'I' })], false],
    [[chunk({ content: 'I' }), chunk({}, 'content_filter')], false],
  ])('is told from an answer at the start of a stream', (chunks, refuses) => {
    const look = () => refusedInStream(chunks);
    if (refuses) expect(look).toThrow('the model refused to answer');
    else expect(look).not.toThrow();
  });
});
