import { z } from 'zod';
import { ConfigError, nearest } from './config-error.ts';
import { type Config, configSchema } from './schema.ts';

export interface ParseOptions {
  /** Named in messages. */
  readonly source?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Fills `${NAME}` in, checks strictly, and gives every key its default; throws a `ConfigError` with every fault. */
export function parseConfig(raw: unknown, { source, env }: ParseOptions): Config {
  const missing: string[] = [];
  const filled = fill(raw ?? {}, env, [], missing);
  if (missing.length > 0) throw new ConfigError(missing, source);
  const result = configSchema.safeParse(filled);
  if (!result.success)
    throw new ConfigError(
      result.error.issues.flatMap((issue) => lines(issue, filled)),
      source,
    );
  return result.data;
}

const place = (path: readonly PropertyKey[]): string =>
  path
    .map((step, index) =>
      typeof step === 'number' ? `[${step}]` : index === 0 ? String(step) : `.${String(step)}`,
    )
    .join('') || 'the configuration';

function fill(
  value: unknown,
  env: ParseOptions['env'],
  path: readonly PropertyKey[],
  missing: string[],
): unknown {
  if (typeof value === 'string')
    return value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = env[name];
      if (found === undefined || found === '')
        missing.push(`${place(path)}: the environment variable ${name} is not set`);
      return found ?? '';
    });
  if (Array.isArray(value)) return value.map((item, index) => fill(item, env, [...path, index], missing));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, fill(item, env, [...path, key], missing)]),
    );
  return value;
}

/** One line per fault; an unknown key gets the nearest known name. */
function lines(issue: z.core.$ZodIssue, value: unknown): string[] {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(configSchema, issue.path);
    return issue.keys.map((key) => {
      const close = nearest(key, known);
      const hint = close ? `did you mean "${close}"?` : `known: ${known.join(', ')}`;
      return `${place([...issue.path, key])}: unknown key; ${hint}`;
    });
  }
  if (issue.code === 'invalid_union') {
    // of a union's many complaints the one that got furthest is the one that helps
    const branches = issue.errors.map((errors) =>
      errors.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })),
    );
    const deepest = branches.sort((a, b) => depth(b) - depth(a))[0];
    if (deepest && depth(deepest) > issue.path.length) return deepest.flatMap((inner) => lines(inner, value));
  }
  return [`${place(issue.path)}: ${issue.message}`];
}

const depth = (issues: readonly z.core.$ZodIssue[]): number =>
  Math.max(0, ...issues.map((issue) => issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0)));

/** The keys that the schema knows at a path. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const plain = unwrap(schema);
  const [step, ...rest] = path;
  if (plain instanceof z.ZodObject) {
    if (step === undefined) return Object.keys(plain.shape);
    const inner = plain.shape[String(step)];
    return inner ? keysAt(inner, rest) : [];
  }
  if (plain instanceof z.ZodRecord && step !== undefined) return keysAt(plain.valueType, rest);
  if (plain instanceof z.ZodArray && step !== undefined) return keysAt(plain.element, rest);
  if (plain instanceof z.ZodUnion) return plain.options.flatMap((option) => keysAt(option, path));
  return [];
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return unwrap(schema.def.innerType);
  if (schema instanceof z.ZodLazy) return unwrap(schema.def.getter());
  return schema;
}
