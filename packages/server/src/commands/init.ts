import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '../config/config-error.ts';
import { template } from '../config/template.ts';

/** `inferbridge init`: writes a commented configuration; never over one that is there. */
export function initCommand(path = 'inferbridge.config.yaml'): number {
  const file = resolve(path);
  if (existsSync(file))
    throw new ConfigError([`${file} is there already; name another file, or remove it first`]);
  writeFileSync(file, template);
  process.stdout.write(`written: ${file}\ncheck it with: inferbridge start --check\n`);
  return 0;
}
