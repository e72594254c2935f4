import type { Config } from './schema.ts';

/** What the configuration asks for that this version does not do yet, said at the start so that nobody relies on it. */
export function notYet(config: Config): readonly string[] {
  const { workers } = config;
  const said: string[] = [];
  const say = (when: unknown, what: string) => {
    if (when) said.push(`${what} in this version`);
  };
  say(workers > 1, 'workers: one process serves');
  return said;
}
