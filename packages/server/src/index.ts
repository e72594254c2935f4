export { ConfigError } from './config/config-error.ts';
export { type Flags, type Loaded, loadConfig } from './config/load.ts';
export { parseConfig } from './config/parse.ts';
export type { Config } from './config/schema.ts';
export { check, type Running, start } from './lifecycle.ts';
