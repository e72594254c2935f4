import type { Plugin } from './plugin.ts';

/** The plugins that are known, by kind and name. */
export interface Registry {
  /** Adds a plugin; throws a `TypeError` where one of that kind and name is there already. */
  add(plugin: Plugin): void;
  /** Finds one; throws a `TypeError` that names the known ones. */
  get(kind: string, name: string): Plugin;
  has(kind: string, name: string): boolean;
  names(kind: string): readonly string[];
}

export function createRegistry(plugins: readonly Plugin[] = []): Registry {
  const known = new Map<string, Map<string, Plugin>>();
  const names = (kind: string) => [...(known.get(kind)?.keys() ?? [])];
  const registry: Registry = {
    add(plugin) {
      if (!isPlugin(plugin))
        throw new TypeError(
          'not a plugin: make it with defineProvider, defineStrategy, defineMiddleware, defineLayer or defineStore',
        );
      const ofKind = known.get(plugin.plugin) ?? new Map<string, Plugin>();
      if (ofKind.has(plugin.name))
        throw new TypeError(`there is a ${plugin.plugin} named "${plugin.name}" already`);
      known.set(plugin.plugin, ofKind.set(plugin.name, plugin));
    },
    get(kind, name) {
      const found = known.get(kind)?.get(name);
      if (!found)
        throw new TypeError(`no ${kind} named "${name}"; known: ${names(kind).join(', ') || 'none'}`);
      return found;
    },
    has: (kind, name) => known.get(kind)?.has(name) ?? false,
    names,
  };
  for (const plugin of plugins) registry.add(plugin);
  return registry;
}

/** Is this something that `defineProvider` and its kin made? */
export function isPlugin(value: unknown): value is Plugin {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return (
    'plugin' in value &&
    typeof value.plugin === 'string' &&
    'name' in value &&
    typeof value.name === 'string' &&
    'init' in value &&
    typeof value.init === 'function'
  );
}
