import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from './gateway.ts';
import type { Act } from './upstream.ts';

/** Where recorded answers are kept, beside the repository unless `INFERBRIDGE_FIXTURES` says otherwise. */
export const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');

export const haveFixtures = existsSync(FIXTURES);

/** For the titles of tests that cannot run without them. */
export const WITHOUT = haveFixtures ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;

export const recorded = (path: string): string => readFileSync(join(FIXTURES, path), 'utf8');

const lines = (path: string): string[] =>
  recorded(path)
    .split('\n')
    .filter((line) => line.trim() !== '');

/** A recorded stream of an OpenAI-style vendor, as it was on the wire. */
export const openaiStream = (path: string): Act => ({
  sse: [...lines(path).map((line) => `data: ${line}\n\n`), 'data: [DONE]\n\n'],
});

/** A recorded stream of Anthropic's, as it was on the wire. */
export const anthropicStream = (path: string): Act => ({
  sse: lines(path).map((line) => `event: ${(JSON.parse(line) as { type: string }).type}\ndata: ${line}\n\n`),
});

export const recordedBody = (path: string): Act => ({ status: 200, body: recorded(path) });
