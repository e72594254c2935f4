import { expect, it } from 'vitest';
import { type Failing, passedOver } from '../support/fault-server-cases.ts';
import { rig, rssOf } from '../support/fault-server-rig.ts';
import {
  answer,
  bodyIn,
  end,
  eventsIn,
  fault,
  head,
  json,
  pause,
  write,
} from '../support/fault-server-words.ts';

const parts = rig();

const body = bodyIn('openai');
const whole = (text: string, headers = {}) => fault(write(answer(text, headers)));
const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const MALFORMED = { outcome: 'malformed', status: 502 } as const;
const LARGE = 200 * 1024 * 1024;
const chunked = head(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });

/** Answers with 200 that are none, whether a stream was asked for or not. */
const NO_ANSWERS: readonly (readonly [string, string])[] = [
  ['half of a body', body.slice(0, body.length / 2)],
  ['a body without its last brace', body.slice(0, -1)],
  ['a body with junk behind it', `${body}}`],
  ['two bodies', body + body],
  ['a BOM before the body', `\ufeff${body}`],
  ['single quotes', body.replaceAll('"', "'")],
  ['NaN', body.replace('1780000000', 'NaN')],
  ['blanks', ' \n '],
  ['null', 'null'],
  ['a number', '17'],
  ['a text', '"Hello."'],
  ['a list', `[${body}]`],
  ['choices that are null', '{"id":"x","choices":null}'],
  ['choices that are an object', '{"id":"x","choices":{"0":{"message":{"content":"x"}}}}'],
  ['no choice', '{"id":"x","choices":[]}'],
  ['a choice that is null', '{"id":"x","choices":[null]}'],
  ['a choice without a message', '{"id":"x","choices":[{"index":0,"finish_reason":"stop"}]}'],
  ['a message that is a text', '{"id":"x","choices":[{"index":0,"message":"Hi","finish_reason":"stop"}]}'],
  ['brackets 100,000 deep', deep(100_000)],
  [
    'a choice 100,000 deep',
    `{"id":"x","choices":[{"index":0,"message":{"content":"x","deep":${deep(100_000)}}}]}`,
  ],
];

const FAILURES: readonly Failing[] = [
  ...NO_ANSWERS.map(([name, text]) => ({ name, fault: whole(text), ...MALFORMED })),
  {
    name: 'a length that cuts the body',
    fault: fault(write(answer(body, { 'content-length': String(body.length - 20) }))),
    ...MALFORMED,
  },
  {
    name: 'a length beyond the body',
    fault: fault(write(answer(body, { 'content-length': String(body.length + 20) })), pause(20), end),
    ...MALFORMED,
  },
  {
    name: 'chunks that end early',
    fault: fault(write(`${chunked}5\r\n{"id"\r\n`), pause(20), end),
    ...MALFORMED,
  },
  { name: 'a chunk size that is none', fault: fault(write(`${chunked}zz\r\n{"id"\r\n`), end), ...MALFORMED },
  {
    name: 'a body without end, its length told',
    fault: fault(write(head(200, { 'content-type': 'application/json', 'content-length': String(LARGE) })), {
      fill: ' ',
      times: LARGE,
    }),
    large: true,
    ...MALFORMED,
  },
  {
    name: 'a body without end, until the connection closes',
    fault: fault(write(head(200, { 'content-type': 'application/json' })), { fill: ' ', times: LARGE }),
    large: true,
    ...MALFORMED,
  },
  {
    name: 'a page of HTML with 502',
    fault: fault(write(answer('<html>', {}, 502))),
    outcome: 'server_error',
    status: 502,
  },
  {
    name: 'an error with 200',
    fault: json({ error: { message: 'boom' } }),
    outcome: 'server_error',
    status: 502,
  },
  {
    name: 'an error with 200 and 503 in it',
    fault: json({ error: { message: 'busy', code: 503 } }),
    outcome: 'overloaded',
    status: 502,
  },
  {
    name: 'an error with 200 and 429 in it',
    fault: json({ error: { message: 'slow down', code: 429 } }),
    outcome: 'rate_limited',
    status: 429,
  },
  {
    name: 'an error that is a text, with 200',
    fault: json({ error: 'boom' }),
    outcome: 'server_error',
    status: 502,
  },
  {
    name: 'an error beside choices',
    fault: json({ ...JSON.parse(body), error: { message: 'cut off', code: 500 } }),
    outcome: 'server_error',
    status: 502,
  },
  {
    name: 'an error 100,000 deep',
    fault: whole(`{"error":{"message":"x","code":500,"deep":${deep(100_000)}}}`),
    outcome: 'server_error',
    status: 502,
  },
  {
    name: 'status 500 with brackets 100,000 deep',
    fault: fault(write(answer(deep(100_000), {}, 500))),
    outcome: 'server_error',
    status: 502,
  },
  {
    name: 'a body that stalls',
    fault: fault(write(answer(body, { 'content-length': String(body.length + 20) }))),
    outcome: 'timeout',
    status: 504,
  },
  {
    name: 'a body that comes byte by byte',
    fault: { steps: [write(answer(`${body}${' '.repeat(500)}`))], slice: { bytes: 2, gapMs: 10 } },
    outcome: 'timeout',
    status: 504,
  },
];
passedOver(parts, FAILURES);

passedOver(parts, [
  {
    name: 'a stream where none was asked for',
    fault: fault(write(answer(eventsIn('openai').join(''), { 'content-type': 'text/event-stream' }))),
    only: 'whole',
    ...MALFORMED,
  },
  { name: 'a whole answer where a stream was asked for', fault: whole(body), only: 'stream', ...MALFORMED },
  {
    name: 'a whole answer that calls itself a stream',
    fault: whole(body, { 'content-type': 'text/event-stream' }),
    only: 'stream',
    ...MALFORMED,
  },
  {
    name: 'an answer that calls itself a page',
    fault: whole(eventsIn('openai').join(''), { 'content-type': 'text/html' }),
    only: 'stream',
    ...MALFORMED,
  },
]);

const claude = bodyIn('anthropic');
passedOver(
  parts,
  [
    { name: 'half of a body', fault: whole(claude.slice(0, 60)), ...MALFORMED },
    {
      name: 'content that is null',
      fault: whole(claude.replace(/"content":\[.*?\]/, '"content":null')),
      ...MALFORMED,
    },
    {
      name: 'a message of another kind',
      fault: whole('{"type":"completion","completion":"Hi"}'),
      ...MALFORMED,
    },
    {
      name: 'an error with 200',
      fault: json({ type: 'error', error: { type: 'api_error', message: 'x' } }),
      outcome: 'server_error',
      status: 502,
    },
    {
      name: 'an overload with 200',
      fault: json({ type: 'error', error: { type: 'overloaded_error', message: 'x' } }),
      outcome: 'overloaded',
      status: 502,
    },
    { name: 'brackets 100,000 deep', fault: whole(deep(100_000)), ...MALFORMED },
  ],
  'anthropic',
);
passedOver(parts, FAILURES.slice(0, 8), 'openai');

it('keeps its memory bounded under bodies without end', () => {
  expect(rssOf(parts)).toBeLessThan(500);
});
