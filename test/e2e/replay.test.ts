import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { FIXTURES, haveFixtures, recorded, WITHOUT } from '../support/fixtures.ts';
import {
  anthropicBody,
  anthropicLines,
  geminiBody,
  geminiLines,
  openaiBody,
  openaiLines,
  type Said,
} from '../support/oracle.ts';
import { checkStream, completionShape } from '../support/shapes.ts';
import { standard } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';

/* Every recorded answer goes through the gateway as its vendor would give it, whole and cut at odd places. */

// recordings are whatever the vendors sent
// biome-ignore lint/suspicious/noExplicitAny: read field by field
type Any = any;

interface Recording {
  readonly path: string;
  readonly vendor: string;
  readonly said: Said;
  /** The bytes of the stream, or of the body. */
  readonly wire: string;
  readonly stream: boolean;
}

/** Where recordings lie, and under which provider they are replayed. */
const PLACES: readonly [folder: string, vendor: string][] = [
  ['alibaba', 'qwen'],
  ['anthropic/chat', 'anthropic'],
  ['azure', 'azure'],
  ['deepseek', 'deepseek'],
  ['google-native', 'gemini'],
  ['groq', 'groq'],
  ['mistral', 'mistral'],
  ['moonshotai', 'moonshot'],
  ['openai/chat', 'openai'],
  ['openai-compatible', 'acme'],
  ['xai', 'xai'],
  ['recorded-pairs/anthropic', 'anthropic'],
  ['recorded-pairs/cerebras', 'cerebras'],
  ['recorded-pairs/deepseek', 'deepseek'],
  ['recorded-pairs/gemini-native', 'gemini'],
  ['recorded-pairs/groq', 'groq'],
  ['recorded-pairs/huggingface-router', 'acme'],
  ['recorded-pairs/mistral', 'mistral'],
  ['recorded-pairs/ollama-cloud', 'ollama'],
  ['recorded-pairs/openai', 'openai'],
  ['recorded-pairs/openrouter', 'openrouter'],
  ['recorded-pairs/together-via-hf-router', 'together'],
  ['recorded-pairs/vllm-crusoe', 'vllm'],
  ['recorded-pairs/zai', 'zhipu'],
];

/** Several replies in one file, a fault on purpose, or calls in pieces: each has a test of its own beside its dialect. */
const APART =
  /^azure\/.*chunks|spliced-message-start|google-stream-|fallback-tool-call\.sse|anthropic-json-tool\.2\.chunks/;

const dialectOf = (vendor: string) => (vendor === 'anthropic' || vendor === 'gemini' ? vendor : 'openai');
const BODY = { openai: openaiBody, anthropic: anthropicBody, gemini: geminiBody };
const LINES = { openai: openaiLines, anthropic: anthropicLines, gemini: geminiLines };

const isAnswer = (body: Any): boolean =>
  Boolean(body?.choices?.[0]?.message || (body?.type === 'message' && body.content) || body?.candidates);

function framed(vendor: string, lines: readonly string[]): string {
  if (vendor === 'anthropic')
    return lines.map((line) => `event: ${(JSON.parse(line) as Any).type}\ndata: ${line}\n\n`).join('');
  if (vendor === 'gemini') return lines.map((line) => `data: ${line}\r\n\r\n`).join('');
  return `${lines.map((line) => `data: ${line}\n\n`).join('')}data: [DONE]\n\n`;
}

/** Some files hold several replies, one behind the other. */
function replies(text: string): string[][] {
  const all: string[][] = [[]];
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    all.at(-1)?.push(line);
    if (line.startsWith('{"type":"message_stop"')) all.push([]);
  }
  return all.filter((lines) => lines.length > 0);
}

function streamOf(path: string, vendor: string, wire: string): Recording {
  const lines = wire
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trim())
    .filter((line) => line !== '[DONE]' && line !== '')
    .map((line) => JSON.parse(line) as Any);
  return { path, vendor, wire, stream: true, said: LINES[dialectOf(vendor)](lines) };
}

function recordingOf(folder: string, name: string, vendor: string): Recording[] {
  const path = `${folder}/${name}`;
  if (APART.test(path)) return [];
  const text = recorded(path);
  if (name.endsWith('.chunks.txt'))
    return replies(text).map((lines, nth) =>
      streamOf(nth === 0 ? path : `${path} #${nth + 1}`, vendor, framed(vendor, lines)),
    );
  if (!name.endsWith('.json')) return [];
  const value = JSON.parse(text) as Any;
  if (!folder.startsWith('recorded-pairs'))
    return isAnswer(value)
      ? [{ path, vendor, wire: text, stream: false, said: BODY[dialectOf(vendor)](value) }]
      : [];
  const { request, response } = value;
  if (response.status !== 200 || /responses$|embeddings/.test(request.path)) return [];
  if (response.raw) return [streamOf(path, vendor, response.raw)];
  if (!isAnswer(response.body)) return [];
  return [
    {
      path,
      vendor,
      wire: JSON.stringify(response.body),
      stream: false,
      said: BODY[dialectOf(vendor)](response.body),
    },
  ];
}

const RECORDINGS: readonly Recording[] = haveFixtures
  ? PLACES.flatMap(([folder, vendor]) =>
      readdirSync(join(FIXTURES, folder)).flatMap((name) => recordingOf(folder, name, vendor)),
    )
  : [];

/** Pieces of one to nine bytes, the same ones each time. */
function cut(wire: string): string[] {
  const bytes = Buffer.from(wire);
  const pieces: string[] = [];
  for (let at = 0, seed = 7; at < bytes.length; ) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    const end = at + 1 + (seed % Math.max(9, Math.floor(bytes.length / 400)));
    pieces.push(`base64:${bytes.subarray(at, end).toString('base64')}`);
    at = end;
  }
  return pieces;
}

describe.skipIf(!haveFixtures)(`recorded answers through the gateway${WITHOUT}`, () => {
  const vendors = [...new Set(PLACES.map(([, vendor]) => vendor))];
  const parts = standard({
    config: (url) => ({
      providers: Object.fromEntries(
        vendors.map((vendor) => [
          vendor,
          {
            baseUrl: `${url}/${vendor}/${vendor === 'gemini' ? 'v1beta' : 'v1'}`,
            apiKey: 'operator',
            ...(vendor === 'acme' && { use: 'openai-compatible' }),
          },
        ]),
      ),
      signup: 'open',
    }),
  });
  const ask = async (user: Awaited<ReturnType<typeof account>>, { vendor, stream }: Recording) => {
    const response = await user.chat({
      model: `${vendor}:replayed-model`,
      messages: [{ role: 'user', content: 'Hi' }],
      ...(stream && { stream: true, stream_options: { include_usage: true } }),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${response.status} ${text}`);
    if (!stream) return JSON.parse(text) as Any;
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    return text
      .split('\n\n')
      .filter((event) => event.startsWith('data: {'))
      .map((event) => JSON.parse(event.slice(6)) as Any);
  };

  it('are there', () => {
    expect(RECORDINGS.length).toBeGreaterThan(130);
  });

  it.each(RECORDINGS)('$path says the same', async (recording) => {
    const { said, stream, vendor, wire } = recording;
    const user = await account(parts.gateway);
    const whole: Act = stream ? { sse: [wire] } : { status: 200, body: wire };
    parts.upstream.script(vendor, whole, ...(stream ? [{ sse: cut(wire) }] : []));
    const answer = await ask(user, recording);
    if (stream) checkStream(answer);
    else completionShape.parse(answer);
    const read = stream ? openaiLines(answer) : openaiBody(answer);
    expect(read).toMatchObject({ text: said.text, calls: said.calls, finish: said.finish });
    if (said.usage) expect(read.usage).toEqual(said.usage);
    if (!stream) return;
    const shape = (chunks: Any[]) =>
      chunks.flatMap(({ choices }) =>
        choices.map(({ delta: { inferbridge: _, tool_calls, ...delta }, finish_reason }: Any) => ({
          delta,
          finish_reason,
          calls: tool_calls?.map(({ id: __, ...call }: Any) => call),
        })),
      );
    expect(shape(await ask(user, recording))).toEqual(shape(answer));
  });
});
