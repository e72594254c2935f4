import { asText } from '../../json.ts';

/** What a vendor makes of OpenAI's efforts; a value of its own, or `null` for leaving the field out. */
export type Efforts = Readonly<Record<string, string | null>>;

/** OpenAI's efforts, weakest first. Source: https://platform.openai.com/docs/api-reference/chat/create (read 2026-11-20). */
export const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

/** Vendors that know three steps. */
export const THREE_STEPS: Efforts = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
};

/** Replaces `reasoning_effort` by the vendor's own value; what the vendor has no value for is left out and told. */
export function mapEffort(
  body: Record<string, unknown>,
  efforts: Efforts,
  dropped: (param: string) => void,
): void {
  const effort = body['reasoning_effort'];
  if (effort === undefined || effort === null) return;
  const name = asText(effort);
  const value = Object.hasOwn(efforts, name) ? efforts[name] : undefined;
  if (value === undefined || value === null) {
    delete body['reasoning_effort'];
    if (value === undefined) dropped('reasoning_effort');
  } else body['reasoning_effort'] = value;
}

/** Vendors whose models think or do not: `thinking: {type}` in place of an effort. */
export function switchThinking(body: Record<string, unknown>): void {
  const effort = body['reasoning_effort'];
  if (effort === undefined || effort === null || body['thinking'] !== undefined) return;
  body['thinking'] = { type: effort === 'none' ? 'disabled' : 'enabled' };
}
