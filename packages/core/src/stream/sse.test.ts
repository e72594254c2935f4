import { describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../testing/index.ts';
import { createCutter, parseEvents } from './sse.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

/** What a cutter gives out for these pieces; the last entry may be what was left at the end. */
function cut(pieces: readonly Uint8Array[], limit?: number) {
  const cutter = createCutter(limit);
  const given = pieces.flatMap((piece) => cutter.push(piece) ?? []);
  const rest = cutter.end();
  return { given, rest, text: [...given, ...(rest ? [rest] : [])].map(textOf).join('') };
}
const at = (bytes: Uint8Array, place: number) => [bytes.subarray(0, place), bytes.subarray(place)];
const singly = (bytes: Uint8Array) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));

const BODY = [
  ': a comment',
  '',
  'event: note',
  'data: {"text":"größer 漢字 🎈"}',
  'id: 7',
  '',
  'data:one',
  'data: two',
  'retry: 5',
  '',
  '',
  'data: [DONE]',
  '',
  '',
];
const EVENTS = [
  { event: 'note', data: '{"text":"größer 漢字 🎈"}' },
  { event: 'message', data: 'one\ntwo' },
  { event: 'message', data: '[DONE]' },
];
const TEXTS: [string, string][] = [
  ['LF', BODY.join('\n')],
  ['CRLF', BODY.join('\r\n')],
  ['CR', BODY.join('\r')],
  ['mixed ends', BODY.map((line, i) => line + ['\n', '\r\n', '\r\n', '\r'][i % 4]).join('')],
  ['LF behind a BOM', `\ufeff${BODY.join('\n')}`],
  ['CRLF behind a BOM', `\ufeff${BODY.join('\r\n')}`],
];

describe('createCutter', () => {
  it.each(TEXTS)('gives out the same bytes wherever %s is cut in two', (_, text) => {
    const bytes = bytesOf(text);
    const whole = cut([bytes]).text;
    expect(whole).toBe(text.replace('\ufeff', ''));
    for (let i = 0; i <= bytes.length; i++) expect(cut(at(bytes, i)).text, `cut at ${i}`).toBe(whole);
  });

  it.each(TEXTS)('gives out the same bytes where %s comes byte by byte', (_, text) => {
    expect(cut(singly(bytesOf(text))).text).toBe(text.replace('\ufeff', ''));
  });

  it.each(TEXTS)('gives out only whole events wherever %s is cut in two', (_, text) => {
    const bytes = bytesOf(text);
    for (let i = 0; i <= bytes.length; i++) {
      const { given, rest } = cut(at(bytes, i));
      expect(given.flatMap(parseEvents), `cut at ${i}`).toEqual(EVENTS);
      expect(rest && parseEvents(rest), `cut at ${i}`).toEqual(rest && []);
    }
  });

  it.each(TEXTS)('gives out only whole events where %s comes byte by byte', (_, text) => {
    const { given } = cut(singly(bytesOf(text)));
    expect(given.flatMap(parseEvents)).toEqual(EVENTS);
  });

  it('gives out whole events at once, many where many came', () => {
    const { given } = cut([bytesOf('data: 1\n\ndata: 2\n\ndata: 3'), bytesOf('\n\n')]);
    expect(given.map(textOf)).toEqual(['data: 1\n\ndata: 2\n\n', 'data: 3\n\n']);
  });

  it('holds an event back until its blank line has come', () => {
    const cutter = createCutter();
    expect(cutter.push(bytesOf('data: 1\n'))).toBeNull();
    expect(cutter.push(bytesOf('data: 2\n'))).toBeNull();
    expect(textOf(cutter.push(bytesOf('\n')) ?? bytesOf(''))).toBe('data: 1\ndata: 2\n\n');
  });

  it('gives out an event as soon as a lone CR has ended it', () => {
    const cutter = createCutter();
    expect(textOf(cutter.push(bytesOf('data: 1\r\r')) ?? bytesOf(''))).toBe('data: 1\r\r');
  });

  it.each(['data: {"n":2}', 'data: {"n":2}\n', 'data: [DONE]'])(
    'gives out at the end what no blank line has closed, where it is whole: %j',
    (last) => {
      const { given, rest } = cut([bytesOf(`data: 1\n\n${last}`)]);
      expect(given.map(textOf)).toEqual(['data: 1\n\n']);
      expect(rest && textOf(rest)).toBe(`${last}\n\n`);
    },
  );

  it.each(['data: {"n":', 'data: [DO', 'da', ': a comm', 'event: x'])(
    'drops half an event at the end, which would run into what is sent after it: %j',
    (last) => {
      expect(cut([bytesOf(`data: 1\n\n${last}`)]).rest).toBeNull();
    },
  );

  it('has nothing left at the end of whole events', () => {
    expect(cut([bytesOf('data: 1\n\n')]).rest).toBeNull();
    expect(cut([]).rest).toBeNull();
  });

  it('bears pieces without bytes', () => {
    const nothing = new Uint8Array(0);
    expect(cut([nothing, bytesOf('data: 1\n'), nothing, bytesOf('\n'), nothing]).text).toBe('data: 1\n\n');
  });

  it('takes only a BOM at the very start for one', () => {
    expect(cut([bytesOf('data: 1\n\n'), bytesOf('\ufeffdata: 2\n\n')]).text).toBe(
      'data: 1\n\n\ufeffdata: 2\n\n',
    );
  });

  it('gives out the same events for random texts in random pieces', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const pick = <T>(from: readonly [T, ...T[]]): T => from[Math.floor(random() * from.length)] ?? from[0];
      const text = Array.from({ length: 40 }, () =>
        pick(['\n', '\r\n', '\r', 'data: é', 'data:x', ': c', 'event: e', '\n\n', '\r\n\r\n']),
      )
        .join('')
        .concat('\n\n');
      const bytes = bytesOf(text);
      const pieces: Uint8Array[] = [];
      for (let i = 0; i < bytes.length; ) pieces.push(bytes.subarray(i, (i += 1 + Math.floor(random() * 4))));
      const { given, rest, text: out } = cut(pieces);
      const seen = [...given, ...(rest ? [rest] : [])].flatMap(parseEvents);
      expect(out, `seed ${seed}`).toBe(text);
      expect(seen, `seed ${seed}`).toEqual(parseEvents(bytes));
    }
  });

  it('refuses an event that grows beyond the limit', () => {
    const cutter = createCutter(10);
    expect(cutter.push(bytesOf('data: 1234'))).toBeNull();
    expect(() => cutter.push(bytesOf('5'))).toThrow('an event larger than 10 bytes');
  });

  it('counts each event by itself against the limit', () => {
    const cutter = createCutter(10);
    for (let i = 0; i < 5; i++) {
      expect(cutter.push(bytesOf('data: 12'))).toBeNull();
      expect(cutter.push(bytesOf('\n\n'))).toHaveLength(10);
    }
  });

  it('looks at each byte once where one event comes in a great many pieces', { timeout: 5_000 }, () => {
    const cutter = createCutter();
    const piece = bytesOf('x');
    for (let i = 0; i < 400_000; i++) cutter.push(piece);
    expect(cutter.push(bytesOf('\n\n'))).toHaveLength(400_002);
  });

  it.each(['\n', '\r\n', '\r'])(
    'looks at each byte once where one piece has a great many lines (%j)',
    (end) => {
      const bytes = bytesOf(`a${end}`.repeat(100_000));
      const start = performance.now();
      createCutter().push(bytes);
      expect(performance.now() - start).toBeLessThan(500);
    },
  );
});

describe('parseEvents', () => {
  it.each([
    ['data: a\n\n', [{ event: 'message', data: 'a' }]],
    ['data:a\n\n', [{ event: 'message', data: 'a' }]],
    ['data:  a\n\n', [{ event: 'message', data: ' a' }]],
    ['data: a\ndata: b\n\n', [{ event: 'message', data: 'a\nb' }]],
    [
      'event: error\ndata: a\n\ndata: b\n\n',
      [
        { event: 'error', data: 'a' },
        { event: 'message', data: 'b' },
      ],
    ],
    ['data\n\n', [{ event: 'message', data: '' }]],
    ['data: a:b\n\n', [{ event: 'message', data: 'a:b' }]],
    [': ping\n\n', []],
    ['event: ping\n\n', []],
    ['id: 1\nretry: 2\nother: 3\ndata: a\n\n', [{ event: 'message', data: 'a' }]],
    ['data: a', [{ event: 'message', data: 'a' }]],
    ['', []],
  ])('reads %j', (text, events) => {
    expect(parseEvents(bytesOf(text))).toEqual(events);
  });

  it.each(['\n', '\r\n', '\r'])('reads lines that end with %j', (end) => {
    expect(parseEvents(bytesOf(`event: e${end}data: a${end}data: b${end}${end}`))).toEqual([
      { event: 'e', data: 'a\nb' },
    ]);
  });
});

/** How many bytes are searched through and copied meanwhile, whoever's they are. */
function counted(work: () => void): number {
  let bytes = 0;
  const { indexOf, set } = Uint8Array.prototype;
  const looking = vi.spyOn(Uint8Array.prototype, 'indexOf').mockImplementation(function (
    this: Uint8Array,
    byte: number,
    from = 0,
  ) {
    const found = indexOf.call(this, byte, from);
    bytes += (found < 0 ? this.length : found) - from;
    return found;
  });
  const copying = vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (
    this: Uint8Array,
    from: ArrayLike<number>,
    at = 0,
  ) {
    bytes += from.length;
    set.call(this, from, at);
  });
  const { concat } = Buffer;
  const joining = vi.spyOn(Buffer, 'concat').mockImplementation((pieces, length) => {
    const whole = concat(pieces, length);
    bytes += whole.length;
    return whole;
  });
  work();
  joining.mockRestore();
  looking.mockRestore();
  copying.mockRestore();
  return bytes;
}

describe('the work of a cutter', () => {
  const EVENT = `data: ${JSON.stringify({ text: 'water waits within wide wells '.repeat(10) })}\n\n`;
  const work = (bytes: Uint8Array, pieceBytes: number): number => {
    const cutter = createCutter();
    let given = 0;
    const done = counted(() => {
      for (let from = 0; from < bytes.length; from += pieceBytes)
        given += cutter.push(bytes.subarray(from, from + pieceBytes))?.length ?? 0;
    });
    expect(given).toBe(bytes.length);
    return done;
  };

  it.each([1, 7, 100, 1_460, 65_536])('grows as the stream does, in pieces of %i bytes', (pieceBytes) => {
    const [once, twice] = [1_000, 2_000].map((events) => work(bytesOf(EVENT.repeat(events)), pieceBytes));
    expect(once).toBeGreaterThan(0);
    expect(twice).toBeLessThan((once ?? 0) * 2.1);
  });

  it.each([1, 100, 1_460])('grows as one event does, in pieces of %i bytes', (pieceBytes) => {
    const event = (length: number) => bytesOf(`data: "${'x'.repeat(length)}"\n\n`);
    const [once, twice] = [50_000, 100_000].map((length) => work(event(length), pieceBytes));
    expect(twice).toBeLessThan((once ?? 0) * 2.1);
  });
});
