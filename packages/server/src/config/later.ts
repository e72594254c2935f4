import type { Config } from './schema.ts';

/** What the configuration asks for that this version does not do yet, said at the start so that nobody relies on it. */
export function notYet(config: Config): readonly string[] {
  const { cache, limits, tiers, workers, cors, stages } = config;
  const said: string[] = [];
  const say = (when: unknown, what: string) => {
    if (when) said.push(`${what} in this version`);
  };
  say(workers > 1, 'workers: one process serves');
  say(cors.origins.length > 0, 'cors.origins: no CORS headers are sent');
  say(config.signup === 'token', 'signup: token: nobody can sign up');
  say(
    config.logFileMaxBytes !== 4_294_967_296,
    'logFileMaxBytes: the request log is bounded by its age alone',
  );
  say(cache.store !== 'sqlite', 'cache.store: replies are not cached');
  say(cache.always || cache.staleSeconds > 0 || cache.scope === 'shared', 'cache: replies are not cached');
  say(limits.rpm ?? limits.tpm ?? limits.usdPerDay, 'limits.rpm, limits.tpm, limits.usdPerDay: not enforced');
  say(
    stages?.some((stage) => nameOf(stage) === 'limits' || nameOf(stage) === 'cache'),
    'stages: limits and cache let every call through',
  );
  for (const [name, tier] of Object.entries(tiers))
    say(tier.cache, `tiers.${name}.cache: replies are not cached`);
  return said;
}

const nameOf = (part: string | readonly [string, ...unknown[]]): string =>
  typeof part === 'string' ? part : part[0];
