import { createRequire } from 'node:module';
import type * as Undici from 'undici';

/*
 * The two parts of undici that are used, by themselves: the whole, with its fetch, its caches and its WebSockets, takes
 * 10 MB and some of the start. The package names no exports, so its files can be asked for; should they move, the whole
 * has the same.
 */
const require = createRequire(import.meta.url);

function part<Part>(file: string, whole: (all: typeof Undici) => Part): Part {
  try {
    return require(`undici/lib/${file}`) as Part; // what the whole has under that name
  } catch {
    return whole(require('undici') as typeof Undici);
  }
}

export const Agent: typeof Undici.Agent = part('dispatcher/agent.js', (all) => all.Agent);
export const buildConnector: typeof Undici.buildConnector = part(
  'core/connect.js',
  (all) => all.buildConnector,
);
