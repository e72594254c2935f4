import { jsonText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';

type Schema = Readonly<Record<string, unknown>>;

/** A tool's parameters without a choice at their root. */
export interface OneRoot {
  readonly schema: Schema;
  /** What the schema can no longer say; `null` where nothing was lost. */
  readonly words: string | null;
}

const CHOICES = { anyOf: 'at least one', oneOf: 'exactly one', allOf: 'each' } as const;
type Choice = keyof typeof CHOICES;
const KINDS = Object.keys(CHOICES) as Choice[]; // the keys are the object's own

export const hasChoiceAtRoot = (schema: Schema): boolean => KINDS.some((kind) => Array.isArray(schema[kind]));

/**
 * One object with the properties of all alternatives, of which those are required that every alternative requires; the
 * rule itself in words. Alternatives are taken anywhere but at the root of a tool's schema.
 * Source: https://github.com/anthropics/claude-code/issues/5973 (read 2026-11-21), the API's own message.
 */
export function withOneRoot(schema: Schema): OneRoot {
  if (!hasChoiceAtRoot(schema)) return { schema, words: null };
  const { anyOf, oneOf, allOf, ...rest } = schema;
  const given = { anyOf, oneOf, allOf };
  const properties = new Map(Object.entries(isRecord(rest['properties']) ? rest['properties'] : {}));
  const required = new Set(namesIn(rest['required']));
  const words: string[] = [];
  for (const kind of KINDS) {
    const list = given[kind];
    if (!Array.isArray(list)) continue;
    const branches = list.map((branch) => resolved(branch, schema)).filter(isRecord);
    for (const branch of branches) {
      if (!isRecord(branch['properties'])) continue;
      for (const [name, one] of Object.entries(branch['properties']))
        properties.set(name, either(properties.get(name), one));
    }
    const all = branches.map((branch) => new Set(namesIn(branch['required'])));
    const [first, ...others] = all;
    const always = kind === 'allOf' ? all.flatMap((names) => [...names]) : [...(first ?? [])];
    for (const name of always)
      if (kind === 'allOf' || others.every((names) => names.has(name))) required.add(name);
    words.push(`The input must fit ${CHOICES[kind]} of these JSON schemas: ${jsonText(list)}`);
  }
  return {
    schema: {
      ...rest,
      properties: Object.fromEntries(properties),
      ...(required.size > 0 && { required: [...required] }),
    },
    words: words.join(' '),
  };
}

const namesIn = (list: unknown): string[] =>
  Array.isArray(list) ? list.filter((name) => typeof name === 'string') : [];

/** `#/$defs/name`, one step far. */
function resolved(branch: unknown, root: Schema): unknown {
  const ref = isRecord(branch) && typeof branch['$ref'] === 'string' ? branch['$ref'] : null;
  const [, where, name] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(ref ?? '') ?? [];
  const known = where === undefined ? null : root[where];
  return name !== undefined && isRecord(known) ? known[name] : branch;
}

function either(before: unknown, now: unknown): unknown {
  if (before === undefined || jsonText(before) === jsonText(now)) return now;
  const known: unknown[] =
    isRecord(before) && Array.isArray(before['anyOf']) && Object.keys(before).length === 1
      ? before['anyOf']
      : [before];
  return known.some((one) => jsonText(one) === jsonText(now)) ? before : { anyOf: [...known, now] };
}
