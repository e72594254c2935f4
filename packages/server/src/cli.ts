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
  inferbridge demo [--quick]
      simulated providers, one of which goes down: see who serves what; needs no key
  inferbridge doctor [--config FILE] [--stored-keys]
      check the configuration, the stores, the clock, and each key with a cheap call
  inferbridge doctor --chaos [--config FILE] [--keys a,b]
      each fault at each tier's first provider, simulated: does the fallback hold?
  inferbridge simulate --scenario FILE [--config FILE] [--seed N] [--json FILE|-] [--svg FILE]
      what clients would see of an outage, thousands of requests in a second
  inferbridge what-if --config FILE [--since 24h] [--until T] [--logs FILE] [--keys a,b] [--seed N] [--json FILE|-]
      the request log against another configuration: cost, latency and mix before and after
  inferbridge keys generate
      print a new encryption key for INFERBRIDGE_ENCRYPTION_KEY
  inferbridge keys rotate [--generate] [--config FILE]
      encrypt stored provider keys under the first encryption key; --generate puts a new one first, to begin with
  inferbridge keys operator [--config FILE]
      a new operator's key, for one that is lost; it is shown once

  Environment: INFERBRIDGE_CONFIG, INFERBRIDGE_ENCRYPTION_KEY, INFERBRIDGE_DATA_DIR, INFERBRIDGE_HOST, INFERBRIDGE_PORT,
               INFERBRIDGE_ADMIN_KEY (the operator's key)
`;

const OPTIONS = {
  config: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  check: { type: 'boolean' },
  quick: { type: 'boolean' },
  chaos: { type: 'boolean' },
  generate: { type: 'boolean' },
  keys: { type: 'string' },
  'stored-keys': { type: 'boolean' },
  scenario: { type: 'string' },
  seed: { type: 'string' },
  json: { type: 'string' },
  svg: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  logs: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  const [command, ...rest] = positionals;
  if (values.help) return print(USAGE, 0);
  if (command === 'start') return (await import('./commands/start.ts')).startCommand(values);
  if (command === 'init') return (await import('./commands/init.ts')).initCommand(rest[0]);
  if (command === 'demo') return (await import('./commands/demo.ts')).demoCommand(values);
  if (command === 'doctor') return (await import('./commands/doctor.ts')).doctorCommand(values);
  if (command === 'simulate') return (await import('./commands/simulate.ts')).simulateCommand(values);
  if (command === 'what-if') return (await import('./commands/what-if.ts')).whatIfCommand(values);
  if (command === 'keys') {
    const code = await (await import('./commands/keys.ts')).keysCommand(rest[0], values);
    if (code !== null) return code;
  }
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
