import { createBudget, type Host } from '@inferbridge/core';
import { explain, planCall, type Resolve } from '@inferbridge/plugins';
import type { Front } from '../../fronts/front.ts';
import type { ReadCallState } from '../call-state.ts';
import type { Route } from '../routes.ts';

export interface ExplainOptions {
  readonly host: Pick<Host, 'clock' | 'random'>;
  readonly resolve: Resolve;
  readonly chat: Pick<Front, 'request'>;
  readonly callState: ReadCallState;
  readonly bodyLimitBytes: number;
}

/** `POST /v1/route/explain`: where a chat request would go, and why; nobody is called. */
export const explainRoutes = (options: ExplainOptions): readonly Route[] => {
  const { host, resolve, chat, callState, bodyLimitBytes } = options;
  return [
    {
      method: 'post',
      path: '/v1/route/explain',
      access: 'user',
      bodyLimitBytes,
      async handle({ user, headers, body }) {
        const asked = await body();
        const request = chat.request(asked, new Uint8Array(), headers);
        const call = {
          id: '',
          request,
          signal: new AbortController().signal,
          budget: createBudget(host.clock),
          state: callState(user, headers, asked),
          trail: [],
        };
        return { status: 200, body: explain(await planCall(call, resolve, host)) };
      },
    },
  ];
};
