import { modeName } from '../../compat/names.ts';
import type { Catalogue } from '../../routing/catalogue.ts';
import type { Credentials, UsableKey } from '../../routing/credentials.ts';
import { HttpError } from '../http-error.ts';
import type { Route } from '../routes.ts';

export interface ModelOptions {
  /** Tier names and the providers that each may use. */
  readonly tierProviders: ReadonlyMap<string, ReadonlySet<string>>;
  readonly aliases: ReadonlyMap<string, string>;
  readonly catalogue: Catalogue;
  readonly credentials: Credentials;
  /** Seconds since 1970, for `created`. */
  readonly startedAt: number;
}

export const modelRoutes = (options: ModelOptions): readonly Route[] => {
  const { tierProviders, aliases, catalogue, credentials, startedAt } = options;
  const entry = (id: string, owner: string) => ({
    id,
    object: 'model' as const,
    created: startedAt,
    owned_by: owner,
  });

  const list = async (userId: string) => {
    const keys = (await credentials.of(userId)).filter(({ credential }) => credential.baseUrl === undefined);
    const held = new Set(keys.map(({ provider }) => provider));
    const one = [...new Map(keys.map((key): [string, UsableKey] => [key.provider, key])).values()];
    const lists = await Promise.all(one.map(async (key) => ({ key, models: await catalogue.modelsOf(key) })));
    const tiers = [...tierProviders].filter(([, providers]) =>
      [...providers].some((provider) => held.has(provider)),
    );
    return [
      ...tiers.map(([name]) => entry(name, 'inferbridge')),
      ...[...aliases.keys()].map((name) => entry(name, 'inferbridge')),
      ...lists.flatMap(({ key, models }) =>
        models.map((model) => entry(`${key.provider}:${model}`, key.provider)),
      ),
    ];
  };

  return [
    {
      method: 'get',
      path: '/v1/models',
      access: 'user',
      handle: async ({ user }) => ({ status: 200, body: { object: 'list', data: await list(user.id) } }),
    },
    {
      method: 'get',
      path: '/v1/models/*id',
      access: 'user',
      async handle({ user, params }) {
        const id = params['id'] ?? '';
        const found = named(await list(user.id), modeName(id));
        if (!found)
          throw new HttpError(
            404,
            'not_found_error',
            `the model "${id}" does not exist or you hold no key for its provider`,
            { param: 'model', code: 'model_not_found' },
          );
        return { status: 200, body: { ...found, id } };
      },
    },
  ];
};

/** By any name that a request may use: the listed one, `provider/model`, or the model's alone. */
function named<T extends { readonly id: string }>(models: readonly T[], name: string): T | undefined {
  const slashed = name.replace('/', ':');
  return (
    models.find(({ id }) => id === name) ??
    models.find(({ id }) => id === slashed) ??
    models.find(({ id }) => id.slice(id.indexOf(':') + 1) === name)
  );
}
