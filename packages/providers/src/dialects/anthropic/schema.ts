import { asText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';

/*
 * JSON schemas as Anthropic's structured output takes them.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs (read 2026-11-20).
 */

type Schema = Record<string, unknown>;

/** Rules that the grammar does not know: told in words instead. */
const IN_WORDS = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'not',
];
const FORMATS: ReadonlySet<unknown> = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
]);
/** Optional properties beyond this are refused from about eleven on. */
const MOST_OPTIONAL = 10;
const MOST_DEPTH = 64;
const MOST_REFS = 1_000;

/** Can the vendor's grammar express it? No recursion, no maps, few optional properties. */
export function isNative(schema: Schema): boolean {
  const root = survey(schema);
  let { optional, expressible } = root;
  /** What each reference leads to. */
  const leads = new Map<string, readonly string[]>();
  const waiting = [...root.refs];
  for (let ref = waiting.pop(); ref !== undefined; ref = waiting.pop()) {
    if (leads.has(ref)) continue;
    const found = survey(at(schema, ref));
    leads.set(ref, found.refs);
    waiting.push(...found.refs);
    optional += found.optional;
    expressible &&= found.expressible && ref !== '#' && leads.size <= MOST_REFS;
    if (!expressible) return false;
  }
  return expressible && optional <= MOST_OPTIONAL && !isCircular(leads);
}

interface Survey {
  readonly optional: number;
  readonly expressible: boolean;
  readonly refs: readonly string[];
}

/** Looks at a schema and everything in it, but not behind its references. */
function survey(schema: unknown): Survey {
  const refs: string[] = [];
  let optional = 0;
  let expressible = true;
  const waiting: { node: unknown; depth: number }[] = [{ node: schema, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, depth } = next;
    if (depth > MOST_DEPTH) return { optional, expressible: false, refs };
    if (Array.isArray(node)) waiting.push(...node.map((item) => ({ node: item, depth: depth + 1 })));
    if (!isRecord(node)) continue;
    if (typeof node['$ref'] === 'string') refs.push(node['$ref']);
    optional += optionalIn(node);
    expressible &&= !isMap(node) && !(node['anyOf'] !== undefined && node['oneOf'] !== undefined);
    for (const [key, value] of Object.entries(node)) {
      if (key === '$defs' || key === 'definitions' || VALUES.has(key)) continue;
      const children = key === 'properties' && isRecord(value) ? Object.values(value) : [value];
      for (const child of children) waiting.push({ node: child, depth: depth + 1 });
    }
  }
  return { optional, expressible, refs };
}

/** They hold values, not schemas. */
const VALUES: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples', 'required']);

function optionalIn({ properties, required }: Schema): number {
  if (!isRecord(properties)) return 0;
  const needed = new Set<unknown>(Array.isArray(required) ? required : []);
  return Object.keys(properties).filter((name) => !needed.has(name)).length;
}

function isMap({ properties, additionalProperties, patternProperties }: Schema): boolean {
  if (patternProperties !== undefined || isRecord(additionalProperties)) return true;
  return additionalProperties === true && !isRecord(properties);
}

/** Does any reference lead back to itself? Those that lead nowhere are taken away until none is left, or a circle. */
function isCircular(leads: ReadonlyMap<string, readonly string[]>): boolean {
  const open = new Map([...leads].map(([ref, to]) => [ref, new Set(to)]));
  const from = new Map<string, string[]>();
  for (const [ref, to] of leads)
    for (const one of new Set(to)) from.set(one, [...(from.get(one) ?? []), ref]);
  const ends = [...open].flatMap(([ref, to]) => (to.size === 0 ? [ref] : []));
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
    open.delete(end);
    for (const ref of from.get(end) ?? []) {
      const left = open.get(ref);
      left?.delete(end);
      if (left?.size === 0) ends.push(ref);
    }
  }
  return open.size > 0;
}

function at(root: Schema, ref: string): unknown {
  let node: unknown = root;
  for (const step of ref.replace(/^#\/?/, '').split('/').filter(Boolean))
    node = isRecord(node) ? node[step.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
  return node;
}

/** The schema without what the grammar refuses; rules that fall away stand in the description. */
export function nativeSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(nativeSchema);
  if (!isRecord(schema)) return schema;
  const words: string[] = [];
  const kept: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$schema' || key === '$id') continue;
    if (IN_WORDS.includes(key)) words.push(`${key}: ${JSON.stringify(value)}`);
    else if (key === 'minItems' && Number(value) > 1) words.push(`minItems: ${Number(value)}`);
    else if (key === 'format' && !FORMATS.has(value)) words.push(`format: ${asText(value)}`);
    else if (key === 'oneOf' || key === 'anyOf')
      kept['anyOf'] = [...listIn(kept['anyOf']), ...listIn(nativeSchema(value))];
    else if (key === 'properties' || key === '$defs' || key === 'definitions') kept[key] = eachOf(value);
    else if (key === 'enum' || key === 'const' || key === 'default' || key === 'required') kept[key] = value;
    else kept[key] = nativeSchema(value);
  }
  if (kept['type'] === 'object' || isRecord(kept['properties'])) kept['additionalProperties'] = false;
  if (words.length > 0)
    kept['description'] = [kept['description'], words.join(', ')].filter(Boolean).join(' — ');
  return kept;
}

const listIn = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const eachOf = (properties: unknown): unknown =>
  isRecord(properties)
    ? Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, nativeSchema(value)]))
    : properties;
