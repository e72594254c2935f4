/*
 * InferBridge's own words. Nothing outside this folder knows them.
 * Source: InferBridge's public documentation up to v0.3.5 (May 2026).
 */
export const KEY_PREFIX = 'ib_';
/** Keys and headers from before the project was renamed. */
export const LEGACY_KEY_PREFIX = 'agni_';

const MODE_PREFIX = 'ib/';
const LEGACY_MODE_PREFIX = 'agni/';

/** `agni/cheap` is read as `ib/cheap`. */
export const modeName = (model: string): string =>
  model.startsWith(LEGACY_MODE_PREFIX) ? MODE_PREFIX + model.slice(LEGACY_MODE_PREFIX.length) : model;

/** Does this name claim to be a mode? */
export const isModeName = (model: string): boolean => model.startsWith(MODE_PREFIX);
