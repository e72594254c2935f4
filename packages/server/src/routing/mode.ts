import type { Call } from '@inferbridge/core';

export interface ModeOptions {
  /** By their names. */
  readonly tiers: { has(name: string): boolean };
  /** Names that stand for others. */
  readonly aliases: ReadonlyMap<string, string>;
  /** A mode's name as it is written today. */
  readonly modeName: (model: string) => string;
  readonly isModeName: (model: string) => boolean;
}

/** How a request would be routed, as far as its names tell; `unknown` for a mode that there is not. */
export const createModeOf =
  ({ tiers, aliases, modeName, isModeName }: ModeOptions) =>
  ({ state, request }: Call): string => {
    if (state.override !== undefined) return 'override';
    const { model, models } = request.value;
    if (models !== undefined && models !== null) return 'chain';
    const name = modeName(aliases.get(model) ?? model);
    if (tiers.has(name)) return name;
    return isModeName(name) ? 'unknown' : 'direct';
  };
