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

/** Can the vendor's grammar express it? No recursion, no maps, few optional properties. */
export function isNative(schema: Schema): boolean {
  const found = { optional: 0, maps: 0, refs: new Set<string>(), deep: false };
  survey(schema, found, 0);
  if (found.maps > 0 || found.deep || found.optional > MOST_OPTIONAL) return false;
  return ![...found.refs].some((ref) => isRecursive(schema, ref));
}

interface Survey {
  optional: number;
  maps: number;
  refs: Set<string>;
  deep: boolean;
}

function survey(node: unknown, found: Survey, depth: number): void {
  if (depth > MOST_DEPTH) {
    found.deep = true;
    return;
  }
  if (Array.isArray(node)) {
    for (const item of node) survey(item, found, depth + 1);
    return;
  }
  if (!isRecord(node)) return;
  if (typeof node['$ref'] === 'string') found.refs.add(node['$ref']);
  const { properties, required, additionalProperties } = node;
  if (isRecord(properties)) {
    const needed = Array.isArray(required) ? required : [];
    found.optional += Object.keys(properties).filter((name) => !needed.includes(name)).length;
    for (const property of Object.values(properties)) survey(property, found, depth + 1);
  }
  if (isRecord(additionalProperties) || (additionalProperties === true && !isRecord(properties)))
    found.maps += 1;
  for (const [key, value] of Object.entries(node)) if (key !== 'properties') survey(value, found, depth + 1);
}

/** Does what a reference names lead back to itself? */
function isRecursive(root: Schema, ref: string): boolean {
  if (ref === '#') return true;
  const seen = new Set<string>();
  const walk = (node: unknown): boolean => {
    if (Array.isArray(node)) return node.some(walk);
    if (!isRecord(node)) return false;
    const next = node['$ref'];
    if (next === ref && seen.size > 0) return true;
    if (typeof next === 'string' && !seen.has(next)) {
      seen.add(next);
      if (walk(at(root, next))) return true;
    }
    return Object.entries(node).some(([key, value]) => key !== '$ref' && walk(value));
  };
  return walk({ $ref: ref });
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
    else if (key === 'oneOf') kept['anyOf'] = nativeSchema(value);
    else if (key === 'properties' || key === '$defs' || key === 'definitions') kept[key] = eachOf(value);
    else if (key === 'enum' || key === 'const' || key === 'default' || key === 'required') kept[key] = value;
    else kept[key] = nativeSchema(value);
  }
  if (kept['type'] === 'object' || isRecord(kept['properties'])) kept['additionalProperties'] = false;
  if (words.length > 0)
    kept['description'] = [kept['description'], words.join(', ')].filter(Boolean).join(' — ');
  return kept;
}

const eachOf = (properties: unknown): unknown =>
  isRecord(properties)
    ? Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, nativeSchema(value)]))
    : properties;
