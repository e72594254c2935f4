import { hash } from 'node:crypto';

/** Source: https://ai.google.dev/api/caching#FunctionDeclaration (read 2026-11-20). */
const TAKEN = /^[a-zA-Z_][a-zA-Z0-9_.-]*$/;
const MOST_NAME = 64;
const HASH = 8;

/** Function names on their way to the vendor and back. */
export interface Names {
  /** The name that the vendor gets to see; the same for the same name, and never shared by two. */
  wire(name: string): string;
  /** The name that the caller gave. */
  own(wire: string): string;
}

export function createNames(): Names {
  const owners = new Map<string, string>();
  return {
    wire(name) {
      if (TAKEN.test(name) && name.length <= MOST_NAME) return name;
      const plain = name.replace(/[^a-zA-Z0-9_.-]/g, '_').replace(/^(?![a-zA-Z_])/, '_');
      const wire = `${plain.slice(0, MOST_NAME - HASH - 1)}_${hash('sha256', name, 'hex').slice(0, HASH)}`;
      owners.set(wire, name);
      return wire;
    },
    own: (wire) => owners.get(wire) ?? wire,
  };
}
