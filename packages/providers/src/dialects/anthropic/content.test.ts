import type { ContentPart } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { messagesRequest } from './request.ts';

/** The blocks of a user's message of one part. */
const blocks = (part: ContentPart) => {
  const { body } = messagesRequest(
    { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: [part] }] },
    { dropped() {} },
  );
  const [turn] = JSON.parse(JSON.stringify(body['messages']));
  return turn.content;
};
const picture = (url: unknown) => ({ type: 'image_url', image_url: { url } });
const file = (given: object) => ({ type: 'file', file: given });
const base64 = (media_type: string, data: string) => ({ type: 'base64', media_type, data });

describe('pictures', () => {
  it.each([
    ['data:image/png;base64,AAAA', base64('image/png', 'AAAA')],
    ['data:image/jpeg;base64,AAAA', base64('image/jpeg', 'AAAA')],
    ['data:image/jpg;base64,AAAA', base64('image/jpeg', 'AAAA')],
    ['DATA:IMAGE/PNG;BASE64,AAAA', base64('image/png', 'AAAA')],
    ['data:image/webp;base64,AA\nAA \r\n', base64('image/webp', 'AAAA')],
    ['data:image/gif;name=x.gif;base64,AAAA', base64('image/gif', 'AAAA')],
    ['https://example.com/a.png', { type: 'url', url: 'https://example.com/a.png' }],
  ])('at %s have the source %j', (url, source) => {
    expect(blocks(picture(url))).toEqual([{ type: 'image', source }]);
  });

  it('lose the detail that was asked for, and keep their breakpoint', () => {
    const part = {
      type: 'image_url',
      image_url: { url: 'https://example.com/a.png', detail: 'high' },
      cache_control: { type: 'ephemeral' },
    };
    expect(blocks(part)).toEqual([
      {
        type: 'image',
        source: { type: 'url', url: 'https://example.com/a.png' },
        cache_control: { type: 'ephemeral' },
      },
    ]);
  });

  it.each([
    ['data:image/bmp;base64,AAAA'],
    ['data:image/svg+xml,<svg/>'],
    ['data:image/png,AAAA'],
    ['data:'],
    ['http://example.com/a.png'],
    ['file:///etc/passwd'],
    ['AAAA'],
    [''],
    [5],
    [null],
  ])('at %s are refused with the place', (url) => {
    expect(() => blocks(picture(url))).toThrow(
      expect.objectContaining({
        class: expect.stringMatching(/^(invalid_request|unsupported)$/),
        message: expect.stringContaining('messages[0].content[0].image_url.url: '),
      }),
    );
  });
});

describe('files', () => {
  it.each([
    [
      { file_data: 'data:application/pdf;base64,AAAA', filename: 'a.pdf' },
      { type: 'document', source: base64('application/pdf', 'AAAA'), title: 'a.pdf' },
    ],
    [{ file_id: 'file_1' }, { type: 'document', source: { type: 'file', file_id: 'file_1' } }],
    [
      { file_data: `data:text/markdown;base64,${Buffer.from('# é').toString('base64')}` },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: '# é' } },
    ],
  ])('%j are the block %j', (given, block) => {
    expect(blocks(file(given))).toEqual([block]);
  });

  it.each([
    [{}],
    [{ file_data: 'AAAA' }],
    [{ file_data: 'data:application/zip;base64,AAAA' }],
    [{ file_data: 5 }],
  ])('%j are refused with the place', (given) => {
    expect(() => blocks(file(given))).toThrow(
      expect.objectContaining({ message: expect.stringContaining('messages[0].content[0].file') }),
    );
  });
});

describe('parts', () => {
  it('that are sound are left to vendors that can hear', () => {
    expect(() => blocks({ type: 'input_audio', input_audio: {} })).toThrow(
      expect.objectContaining({
        class: 'unsupported',
        details: expect.objectContaining({ param: 'messages' }),
      }),
    );
  });

  it('that nobody knows are refused with the place, whatever their type', () => {
    expect(() => blocks({ type: 'hologram' })).toThrow(/^messages\[0\]\.content\[0\]\.type: "hologram"/);
    expect(() => blocks({ type: 'x'.repeat(10_000) })).toThrow(/^.{1,200}$/);
  });

  it('never lead a message of ours to quote a prompt', () => {
    const part = picture('secret words of a prompt, with no scheme at all');
    expect(() => blocks(part)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('secret') }),
    );
  });
});
