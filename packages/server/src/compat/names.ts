/*
 * InferBridge's own words. Nothing outside this folder knows them.
 * Source: InferBridge's public documentation up to v0.3.5 (May 2026).
 */
export const KEY_PREFIX = 'ib_';
/** Keys and headers from before the project was renamed. */
export const LEGACY_KEY_PREFIX = 'agni_';

/** The operator's keys, and tokens that let a user in. */
export const OPERATOR_KEY_PREFIX = 'ib_admin_';
export const SIGNUP_TOKEN_PREFIX = 'ib_signup_';
/** Where the environment may have the operator's key. */
export const OPERATOR_KEY_VARIABLE = 'INFERBRIDGE_ADMIN_KEY';

const MODE_PREFIX = 'ib/';
const LEGACY_MODE_PREFIX = 'agni/';

/** `agni/cheap` is read as `ib/cheap`. */
export const modeName = (model: string): string =>
  model.startsWith(LEGACY_MODE_PREFIX) ? MODE_PREFIX + model.slice(LEGACY_MODE_PREFIX.length) : model;

/** Does this name claim to be a mode? */
export const isModeName = (model: string): boolean => model.startsWith(MODE_PREFIX);

/** The request header that names the only bucket to which data may go. */
export const RESIDENCY_HEADER = 'X-InferBridge-Residency';

/** The request header that asks for a fault. */
export const FAULT_HEADER = 'X-InferBridge-Fault';

/** Where the environment may have the encryption key; the first that is set counts. */
export const ENCRYPTION_KEY_VARIABLES = ['INFERBRIDGE_ENCRYPTION_KEY', 'AGNI_ENCRYPTION_KEY'] as const;

/** The mode for embeddings, and what a request for them without a model gets. */
export const EMBEDDINGS_MODE = 'ib/embed';
