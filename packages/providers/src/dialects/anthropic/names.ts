import { hash } from 'node:crypto';

/*
 * Names and ids as Anthropic takes them. Histories from elsewhere carry ids like `functions.f:0`; the same id always
 * becomes the same one, and different ones stay different.
 * Source: https://docs.anthropic.com/en/api/messages (read 2026-11-20).
 */

const TAKEN = /^[a-zA-Z0-9_-]+$/;
const MOST_NAME = 64;
const HASH = 8;

const mark = (text: string): string => hash('sha256', text, 'hex').slice(0, HASH);
const plain = (text: string): string => text.replace(/[^a-zA-Z0-9_-]/g, '_');

export const isId = (id: unknown): boolean => typeof id === 'string' && TAKEN.test(id);

/** The id of a tool call, for the call and for its result alike. */
export const toolId = (id: string): string => (TAKEN.test(id) ? id : `${plain(id).slice(0, 40)}_${mark(id)}`);

/** Ids of the calls of one conversation: no two are the same, whatever the caller gave them. */
export interface Ids {
  fresh(given: string): string;
}

export function createIds(): Ids {
  const taken = new Set<string>();
  /** By what was given; everything below is taken. */
  const next = new Map<string, number>();
  return {
    fresh(given) {
      const base = given === '' ? `call_${taken.size}` : toolId(given);
      let id = base;
      let nth = next.get(base) ?? 2;
      for (; taken.has(id); nth++) id = `${base}_${nth}`;
      if (id !== base) next.set(base, nth);
      taken.add(id);
      return id;
    },
  };
}

/** Tool names on their way to the vendor and back. */
export interface Names {
  /** The name that the vendor gets to see. */
  wire(name: string): string;
  /** The name that the caller gave. */
  own(wire: string): string;
}

export function createNames(): Names {
  const owners = new Map<string, string>();
  return {
    wire(name) {
      if (TAKEN.test(name) && name.length <= MOST_NAME) return name;
      const wire = `${plain(name).slice(0, MOST_NAME - HASH - 1) || 'tool'}_${mark(name)}`;
      owners.set(wire, name);
      return wire;
    },
    own: (wire) => owners.get(wire) ?? wire,
  };
}
