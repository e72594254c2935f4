import { GatewayError, type Middleware } from '@inferbridge/core';
import type { Limits } from './limits/index.ts';

declare module '@inferbridge/core/call' {
  interface CallState {
    /** The key as the client sent it, on its way to the auth stage. */
    bearer?: string;
    /** Who calls, once that is known. */
    user?: User;
  }
}

export interface User {
  readonly id: string;
  /** Their own, over those for all. */
  readonly limits?: Limits;
}

export interface AuthOptions {
  /** Tells who a key belongs to, `null` for nobody. */
  readonly authenticate: (key: string) => User | null | Promise<User | null>;
}

/** Lets through only callers who are known; one whom the edge has identified already is not asked again. */
export function auth({ authenticate }: AuthOptions): Middleware {
  const identified: Middleware = async (call, next) => {
    const user = call.state.bearer ? await authenticate(call.state.bearer) : null;
    if (!user) throw new GatewayError('unauthenticated', 'invalid or missing API key');
    call.state.user = user;
    return await next(call);
  };
  return (call, next) => (call.state.user ? next(call) : identified(call, next));
}
