import { dirname, isAbsolute, resolve } from 'node:path';
import { cosmiconfig } from 'cosmiconfig';
import { ENCRYPTION_KEY_VARIABLES, OPERATOR_KEY_VARIABLE } from '../compat/names.ts';
import { ConfigError } from './config-error.ts';
import { parseConfig } from './parse.ts';
import type { Config } from './schema.ts';

/** What flags say; they win over the environment, which wins over the file. */
export interface Flags {
  readonly config?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
}

export interface Loaded {
  /** `dataDir` is absolute. */
  readonly config: Config;
  /** The file it came from, `null` for defaults alone. */
  readonly file: string | null;
  /** What relative paths and plugin names are relative to. */
  readonly base: string;
  /** Fernet keys as the environment has them, comma-separated. */
  readonly encryptionKey: string | null;
  readonly production: boolean;
  /** The operator's key, as the environment has it. */
  readonly operatorKey: string | null;
}

const NAME = 'inferbridge';
const PLACES = [
  'package.json',
  ...['ts', 'mts', 'js', 'mjs', 'json', 'yaml', 'yml'].map((ending) => `${NAME}.config.${ending}`),
  `.${NAME}rc`,
  ...['json', 'yaml', 'yml', 'js', 'mjs', 'ts'].map((ending) => `.${NAME}rc.${ending}`),
];

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds and reads the configuration; throws a `ConfigError`. The one place that looks at the environment. */
export async function loadConfig(
  flags: Flags,
  env: Environment = process.env,
  cwd = process.cwd(),
): Promise<Loaded> {
  const named = flags.config ?? env['INFERBRIDGE_CONFIG'];
  const found = await find(named, cwd);
  const file = found?.filepath ?? null;
  const base = file ? dirname(file) : cwd;
  const raw = { ...asObject(found?.config, file), ...overrides(flags, env) };
  const config = parseConfig(raw, { env, ...(file && { source: file }) });
  return {
    config: {
      ...config,
      dataDir: isAbsolute(config.dataDir)
        ? config.dataDir
        : resolve(env['INFERBRIDGE_DATA_DIR'] ? cwd : base, config.dataDir),
    },
    file,
    base,
    encryptionKey:
      ENCRYPTION_KEY_VARIABLES.map((name) => env[name]).find((value) => value !== undefined) ?? null,
    production: env['NODE_ENV'] === 'production',
    operatorKey: operatorKey(env[OPERATOR_KEY_VARIABLE]),
  };
}

async function find(named: string | undefined, cwd: string) {
  const explorer = cosmiconfig(NAME, { searchPlaces: PLACES, searchStrategy: 'project' });
  try {
    return named ? await explorer.load(resolve(cwd, named)) : await explorer.search(cwd);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`it cannot be read: ${why}`], named ?? 'the configuration');
  }
}

function asObject(config: unknown, file: string | null): object {
  if (config === undefined || config === null) return {};
  if (typeof config === 'object' && !Array.isArray(config)) return config;
  throw new ConfigError(['an object is wanted at its top'], file ?? undefined);
}

function overrides(flags: Flags, env: Environment): Record<string, unknown> {
  const host = flags.host ?? env['INFERBRIDGE_HOST'];
  const port = flags.port ?? env['INFERBRIDGE_PORT'];
  const dataDir = env['INFERBRIDGE_DATA_DIR'];
  return {
    ...(host && { host }),
    ...(port && { port: /^\d+$/.test(port) ? Number(port) : port }),
    ...(dataDir && { dataDir }),
  };
}

/** Shorter ones can be guessed. */
const LEAST_CHARACTERS = 24;

function operatorKey(given: string | undefined): string | null {
  if (given === undefined) return null;
  if (given.length >= LEAST_CHARACTERS && !/\s/.test(given) && new Set(given).size >= 8) return given;
  throw new ConfigError([
    `${OPERATOR_KEY_VARIABLE}: at least ${LEAST_CHARACTERS} characters without spaces are wanted, and not mostly the same`,
  ]);
}
