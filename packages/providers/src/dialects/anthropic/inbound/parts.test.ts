import { describe, expect, it } from 'vitest';
import { blocksOf } from '../content.ts';
import { partOf } from './parts.ts';

const source = { type: 'base64', media_type: 'image/png', data: 'AAAA' };
const picture = { type: 'image', source };
const shown = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
const text = (words: string) => ({ type: 'text', text: words });
const inside = (content: unknown, fields: object = {}) => ({
  type: 'document',
  source: { type: 'content', content },
  ...fields,
});
const CONTROL = { cache_control: { type: 'ephemeral' } };

/** What everybody but Anthropic gets to see. */
const plain = (block: Record<string, unknown>) =>
  partOf(block, 'b').map(({ anthropic_block: _, ...part }) => part);

describe('a picture', () => {
  it.each([source, { type: 'url', url: 'https://x.example/a.png' }])(
    'is one for everybody: $type',
    (given) => {
      const [part, ...more] = partOf({ type: 'image', source: given, ...CONTROL }, 'b');
      expect(part).toMatchObject({ type: 'image_url', ...CONTROL });
      expect(more).toEqual([]);
    },
  );

  it('that Anthropic keeps reaches Anthropic alone, and as a picture', () => {
    const block = { type: 'image', source: { type: 'file', file_id: 'file_1' }, ...CONTROL };
    const parts = partOf(block, 'b');
    expect(plain(block)).toEqual([{ type: 'anthropic_block' }]);
    expect(blocksOf(parts, 'c')).toEqual([block]);
  });

  it.each([
    [{ type: 'file' }, 'b.source.file_id'],
    [{ type: 'elsewhere' }, 'b.source.type'],
  ])('of %j is refused with the place', (given, place) => {
    expect(() => partOf({ type: 'image', source: given }, 'b')).toThrow(place);
  });
});

describe('a document of blocks', () => {
  it.each([
    ['a bare text', inside('a'), [text('a')]],
    ['texts', inside([text('a'), text('b')]), [text('a\nb')]],
    ['nothing', inside([]), [text('')]],
    [
      'a title and a context',
      inside([text('a')], { title: 'T', context: 'C', citations: { enabled: true } }),
      [text('T\nC\na')],
    ],
    [
      'pictures between texts',
      inside([text('a'), picture, text('b'), picture], { title: 'T', ...CONTROL }),
      [text('T\na'), shown, text('b'), { ...shown, ...CONTROL }],
    ],
  ])('with %s keeps all of it, and is itself at Anthropic', (_, block, parts) => {
    expect(plain(block)).toEqual(parts);
    expect(blocksOf([text('before'), ...partOf(block, 'b'), text('behind')], 'c')).toEqual([
      text('before'),
      block,
      text('behind'),
    ]);
  });

  it.each([
    ['a picture that Anthropic keeps', { type: 'image', source: { type: 'file', file_id: 'file_1' } }],
    ['a document', inside('a')],
    ['a block yet to be invented', { type: 'hologram' }],
  ])('with %s in it reaches Anthropic alone', (_, one) => {
    const block = inside([text('a'), one]);
    expect(plain(block)).toEqual([{ type: 'anthropic_block' }]);
    expect(blocksOf(partOf(block, 'b'), 'c')).toEqual([block]);
  });

  it.each([
    [5, 'b.source.content'],
    [[text('a'), 'b'], 'b.source.content[1].type'],
    [[{ type: 'text' }], 'b.source.content[0].text'],
  ])('of %j is refused with the place', (content, place) => {
    expect(() => partOf(inside(content), 'b')).toThrow(`${place}:`);
  });
});
