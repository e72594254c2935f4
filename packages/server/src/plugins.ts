import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRegistry, isPlugin, type Plugin, type Registry } from '@inferbridge/core';
import { strategies } from '@inferbridge/plugins';
import * as vendors from '@inferbridge/providers';
import { ConfigError } from './config/config-error.ts';

/** What is there without being named: the vendors of `@inferbridge/providers`, and the strategies. */
const builtIn: readonly Plugin[] = [...Object.values<unknown>(vendors).filter(isPlugin), ...strategies];

/** The built-in plugins and those that the configuration names, imported relative to it. */
export async function loadPlugins(names: readonly string[], base: string): Promise<Registry> {
  const registry = createRegistry(builtIn);
  for (const [index, name] of names.entries()) {
    const found = await importPlugins(name, base).catch((error: unknown) => {
      throw new ConfigError([
        `plugins[${index}]: ${name} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      ]);
    });
    try {
      for (const plugin of found) registry.add(plugin);
    } catch (error) {
      throw new ConfigError([
        `plugins[${index}]: ${name}: ${error instanceof Error ? error.message : String(error)}`,
      ]);
    }
  }
  return registry;
}

/** Everything in a module that is a plugin, the default export first. */
async function importPlugins(name: string, base: string): Promise<readonly Plugin[]> {
  const path =
    name.startsWith('.') || isAbsolute(name)
      ? resolve(base, name)
      : createRequire(resolve(base, 'package.json')).resolve(name);
  const module: Record<string, unknown> = await import(pathToFileURL(path).href);
  const plugins = [...new Set([module['default'], ...Object.values(module)].filter(isPlugin))];
  if (plugins.length === 0)
    throw new TypeError(
      'it exports no plugin; make one with defineProvider, defineStrategy or defineMiddleware',
    );
  return plugins;
}
