#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// from the second start on nothing is compiled, and no types are stripped; where the place is read-only, nothing is kept
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url)));

const USAGE = `inferbridge — an LLM gateway with fallback that nobody notices

  inferbridge start [--config FILE] [--host H] [--port N] [--check]
      serve; --check builds and checks everything and stops before the port opens
  inferbridge init [FILE]
      write a commented configuration (inferbridge.config.yaml)
  inferbridge keys generate
      print a new encryption key for INFERBRIDGE_ENCRYPTION_KEY

  Environment: INFERBRIDGE_CONFIG, INFERBRIDGE_ENCRYPTION_KEY, INFERBRIDGE_DATA_DIR, INFERBRIDGE_HOST, INFERBRIDGE_PORT
`;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      check: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [command, ...rest] = positionals;
  if (values.help) return print(USAGE, 0);
  if (command === 'start') return (await import('./commands/start.ts')).startCommand(values);
  if (command === 'init') return (await import('./commands/init.ts')).initCommand(rest[0]);
  if (command === 'keys' && rest[0] === 'generate')
    return print(`${(await import('./secrets/fernet.ts')).generateFernetKey()}\n`, 0);
  process.stderr.write(USAGE);
  return 2;
}

function print(text: string, code: number): number {
  process.stdout.write(text);
  return code;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const mine = name === 'ConfigError' || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(
      mine ? `inferbridge: ${message}\n` : `inferbridge: ${error instanceof Error ? error.stack : message}\n`,
    );
    process.exit(1);
  },
);
