import type { ChunkDelta } from '@inferbridge/core';
import { parseJson } from '../../../json.ts';
import { isRecord } from '../../openai/errors.ts';
import type { Item } from '../item.ts';

/*
 * A reasoning item has one place for what a client must hand back unread: `encrypted_content`. What a vendor needs
 * back, signed thinking for one, travels there. It holds nothing that the client does not see otherwise.
 * Source: https://platform.openai.com/docs/guides/reasoning (read 2026-11-20).
 */

/** How such a text begins: nobody else can read it. */
export const PACKED_MARK = 'carried.1.';
/** Lists grow delta by delta; the fields of vendors come at once. */
const LISTS = ['thinking_blocks', 'reasoning_details'] as const;
const FIELDS = 'provider_specific_fields';

/** Adds what a delta carries to what the ones before it carried. */
export function carrying(carried: Item, delta: ChunkDelta): Item {
  const more: Item = {};
  for (const name of LISTS) {
    const [before, added] = [carried[name], delta[name]];
    if (Array.isArray(added) && added.length > 0)
      more[name] = Array.isArray(before) ? [...before, ...added] : added;
  }
  if (isRecord(delta[FIELDS])) more[FIELDS] = delta[FIELDS];
  return { ...carried, ...more };
}

/** Which part of an answer its message is: there is a place for it on the message itself. */
export function phaseIn(carried: Item): unknown {
  const fields = carried[FIELDS];
  const own = isRecord(fields) ? fields['openai'] : null;
  return isRecord(own) ? own['phase'] : undefined;
}

/** What a thought of another vendor's carries that has nothing else to hand back: by it OpenAI is not asked for it. */
export const NOTHING: string = PACKED_MARK + Buffer.from('{}').toString('base64url');

/** As the text that a client hands back; `null` where there is nothing to carry. */
export function packed(carried: Item): string | null {
  const { [FIELDS]: fields, ...lists } = carried;
  const own = isRecord(fields) ? Object.values(fields) : [];
  const more = own.some((one) => !isRecord(one) || Object.keys(one).join() !== 'phase');
  if (Object.keys(lists).length === 0 && !more) return null;
  return PACKED_MARK + Buffer.from(JSON.stringify(carried)).toString('base64url');
}

/** What was packed here; `null` where somebody else wrote it, or it is broken. */
export function unpacked(text: unknown): Item | null {
  if (typeof text !== 'string' || !text.startsWith(PACKED_MARK)) return null;
  const value = parseJson(Buffer.from(text.slice(PACKED_MARK.length), 'base64url').toString());
  if (!isRecord(value)) return null;
  const lists = LISTS.flatMap((name) => (isRecords(value[name]) ? [[name, value[name]]] : []));
  return {
    ...Object.fromEntries(lists),
    ...(isRecord(value[FIELDS]) && { [FIELDS]: value[FIELDS] }),
  };
}

const isRecords = (value: unknown): boolean => Array.isArray(value) && value.every(isRecord);
