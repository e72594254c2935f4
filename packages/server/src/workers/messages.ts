import type { Asking, Over } from '@inferbridge/plugins';

/** What workers tell the process that started them. */
export type FromWorker =
  | { readonly kind: 'serving'; readonly url: string }
  | { readonly kind: 'take'; readonly id: number; readonly asking: Asking }
  | {
      readonly kind: 'settle';
      readonly id: number;
      readonly tokens: number;
      readonly spent: number;
      readonly requests: number;
    }
  /** A user's keys or limits have changed. */
  | { readonly kind: 'forget'; readonly user: string }
  /** An account was deleted. */
  | { readonly kind: 'purge' }
  /** Somebody wants to read the log. */
  | { readonly kind: 'flush'; readonly id: number }
  | { readonly kind: 'flushed'; readonly id: number };

/** What they are told. */
export type ToWorker =
  | { readonly kind: 'taken'; readonly id: number; readonly over: Over | null }
  | { readonly kind: 'forget'; readonly user: string }
  /** Cached answers of this owner, whose account was deleted. */
  | { readonly kind: 'forgetCached'; readonly owner: string }
  | { readonly kind: 'flush'; readonly id: number }
  | { readonly kind: 'flushed'; readonly id: number };
