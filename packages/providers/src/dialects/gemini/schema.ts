import { isRawNumber } from '../../json-exact.ts';
import { isRecord } from '../openai/errors.ts';

const MOST_DEPTH = 64;

/**
 * A JSON schema as Gemini takes it: without `$schema`, a constant as a list of one, and a reference alone.
 * Source: https://ai.google.dev/api/generate-content#FIELDS.response_json_schema (read 2026-11-20).
 */
export function geminiSchema(schema: unknown, depth = 0): unknown {
  if (depth > MOST_DEPTH) return schema;
  if (Array.isArray(schema)) return schema.map((item) => geminiSchema(item, depth + 1));
  if (!isRecord(schema)) return schema;
  const alone = typeof schema['$ref'] === 'string';
  const kept: [string, unknown][] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$schema' || (alone && !key.startsWith('$'))) continue;
    if (key === 'const' && (typeof value === 'string' || typeof value === 'number' || isRawNumber(value)))
      kept.push(['enum', [value]]);
    else if (MAPS.has(key) && isRecord(value)) kept.push([key, eachOf(value, depth)]);
    else kept.push([key, VALUES.has(key) ? value : geminiSchema(value, depth + 1)]);
  }
  return Object.fromEntries(kept);
}

/** Their keys are names, not words of the schema. */
const MAPS: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions']);
/** They hold values, not schemas. */
const VALUES: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'required', 'examples']);

const eachOf = (schemas: Record<string, unknown>, depth: number): unknown =>
  Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, geminiSchema(schema, depth + 2)]),
  );
