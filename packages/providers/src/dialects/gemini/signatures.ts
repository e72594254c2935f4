import { isRecord } from '../openai/errors.ts';
import type { Part } from './content.ts';

/*
 * Gemini signs its thoughts, and wants the signature back with the call that they led to. Many clients keep only what
 * OpenAI's API has, so what they drop is remembered here: signatures, which are sealed, and never a word of anybody's.
 * Source: https://ai.google.dev/gemini-api/docs/thought-signatures (read 2026-11-20).
 */

/** What the API takes where a signature is lost. */
export const NO_SIGNATURE = 'skip_thought_signature_validator';

const MOST_KEPT = 10_000;
const MOST_CHARACTERS = 64 * 1_048_576;

export interface Signatures {
  /** `owner` keeps those of one credential from another's. */
  get(owner: string, callId: string): string | null;
  set(owner: string, callId: string, signature: string): void;
}

/** Remembers the signatures of the latest calls, bounded in number and in size; the least recently used go first. */
export function createSignatures(most = MOST_KEPT, mostCharacters = MOST_CHARACTERS): Signatures {
  const kept = new Map<string, string>();
  let characters = 0;
  const forget = (key: string): string | null => {
    const signature = kept.get(key);
    if (signature === undefined) return null;
    kept.delete(key);
    characters -= signature.length;
    return signature;
  };
  const keep = (key: string, signature: string): void => {
    kept.set(key, signature);
    characters += signature.length;
  };
  const keyOf = (owner: string, callId: string) => JSON.stringify([owner, callId]);
  return {
    get(owner, callId) {
      const key = keyOf(owner, callId);
      const signature = forget(key);
      if (signature !== null) keep(key, signature);
      return signature;
    },
    set(owner, callId, signature) {
      const key = keyOf(owner, callId);
      forget(key);
      if (signature.length > mostCharacters) return;
      keep(key, signature);
      for (const oldest of kept.keys()) {
        if (kept.size <= most && characters <= mostCharacters) break;
        forget(oldest);
      }
    },
  };
}

/** Where clients that know of signatures keep them: on a call, or on a picture. */
export function signatureIn(holder: Readonly<Record<string, unknown>>): string | null {
  const extra = holder['extra_content'];
  const google = isRecord(extra) ? extra['google'] : null;
  return textIn(google);
}

/** The signature of an answer's text, where the client kept it. */
export function textSignatureIn(message: Readonly<Record<string, unknown>>): string | null {
  const fields = message['provider_specific_fields'];
  return textIn(isRecord(fields) ? fields['gemini'] : null);
}

function textIn(holder: unknown): string | null {
  const signature = isRecord(holder) ? holder['thought_signature'] : null;
  return typeof signature === 'string' && signature !== '' ? signature : null;
}

export const extraContent = (signature: string) => ({ google: { thought_signature: signature } });

/** Each model turn's first call needs a signature: the stand-in goes where there is none. */
export function withStandIn(parts: readonly Part[]): Part[] {
  const first = parts.findIndex((part) => part['functionCall'] !== undefined);
  return parts.map((part, index) =>
    index === first && part['thoughtSignature'] === undefined
      ? { ...part, thoughtSignature: NO_SIGNATURE }
      : part,
  );
}
