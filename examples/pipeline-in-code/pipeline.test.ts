import { afterAll, expect, it } from 'vitest';
import { close, gateway } from './pipeline.ts';

afterAll(close);

it('falls back to the end of its chain when nobody before it can be reached, whole and streamed', async () => {
  const lines: unknown[] = [];
  const mine = gateway({}, (line) => void lines.push(line));
  const ask = { model: 'my/chain', messages: [{ role: 'user', content: 'Hello' }] };
  const whole = await mine.chat(ask);
  expect(whole.kind === 'completion' && whole.json().choices[0]?.message.content).toBe('You said: Hello');
  const streamed = await mine.chat({ ...ask, stream: true });
  let text = '';
  if (streamed.kind === 'stream')
    for await (const frame of streamed.frames)
      for (const chunk of frame.chunks()) text += chunk.choices[0]?.delta.content ?? '';
  expect(text).toBe('You said: Hello');
  expect(lines).toMatchObject([
    {
      status: 'fallback_success',
      provider: 'echo',
      tried: [expect.stringMatching(/^openai: /), expect.stringMatching(/^groq: /), 'echo: ok'],
    },
    { status: 'fallback_success', provider: 'echo' },
  ]);
});
