import { resolve } from 'node:path';
import { cosmiconfig } from 'cosmiconfig';
import { ConfigError } from './config-error.ts';

/** A file of data, YAML or JSON by its name; throws a `ConfigError` that names it. */
export async function readDataFile(path: string): Promise<unknown> {
  const file = resolve(path);
  if (!/\.(ya?ml|json)$/.test(file)) throw new ConfigError(['a .yaml, .yml or .json file is wanted'], path);
  try {
    return (await cosmiconfig('inferbridge').load(file))?.config ?? {};
  } catch (error) {
    throw new ConfigError(
      [`it cannot be read: ${error instanceof Error ? error.message : String(error)}`],
      path,
    );
  }
}
