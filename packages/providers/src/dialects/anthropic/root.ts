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
  const properties = createProperties();
  properties.add(rest['properties']);
  const required = new Set(namesIn(rest['required']));
  const words: string[] = [];
  for (const kind of KINDS) {
    const list = given[kind];
    if (!Array.isArray(list)) continue;
    // a definition that many refer to is read once
    const branches = [...new Set(list.map((branch) => resolved(branch, schema)))].filter(isRecord);
    for (const branch of branches) properties.add(branch['properties']);
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
      properties: properties.all(),
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

/** What is said of each property, every schema once. */
function createProperties() {
  const said = new Map<string, Map<string, unknown>>();
  return {
    add(given: unknown) {
      if (!isRecord(given)) return;
      for (const [name, schema] of Object.entries(given)) {
        const schemas = said.get(name) ?? new Map<string, unknown>();
        said.set(name, schemas.set(jsonText(schema), schema));
      }
    },
    all: (): Schema =>
      Object.fromEntries([...said].map(([name, schemas]) => [name, either([...schemas.values()])])),
  };
}

function either(schemas: readonly unknown[]): unknown {
  if (schemas.length === 1) return schemas[0];
  const alternatives = schemas.flatMap(alternativesIn);
  return { anyOf: [...new Map(alternatives.map((one) => [jsonText(one), one])).values()] };
}

const alternativesIn = (schema: unknown): readonly unknown[] =>
  isRecord(schema) && Array.isArray(schema['anyOf']) && Object.keys(schema).length === 1
    ? schema['anyOf']
    : [schema];
