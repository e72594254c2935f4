import { chatOfMessages, countTokens } from '@inferbridge/providers/inbound';
import type { Route } from '../routes.ts';

export interface CountOptions {
  readonly bodyLimitBytes: number;
}

/** `POST /v1/messages/count_tokens`: an estimate, since nobody is asked. */
export const countRoutes = ({ bodyLimitBytes }: CountOptions): readonly Route[] => [
  {
    method: 'post',
    path: '/v1/messages/count_tokens',
    access: 'user',
    bodyLimitBytes,
    async handle({ body }) {
      const asked = await body();
      return {
        status: 200,
        body: { input_tokens: countTokens(chatOfMessages({ max_tokens: 1, ...asked })) },
      };
    },
  },
];
