import { defineProvider } from '@inferbridge/core';
import { z } from 'zod';
import { isRecord } from './dialects/openai/errors.ts';
import { forReasoningModels, reasoningRefuses } from './dialects/openai/models.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

const options = vendorOptions.extend({
  /** The resource's name, where no `baseUrl` says it all. */
  resource: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/i, 'the name of an Azure OpenAI resource is wanted')
    .optional(),
  /** `api-version`: then deployments are addressed by path, as before the v1 API. */
  apiVersion: z.string().min(1).optional(),
});

/**
 * Azure OpenAI: the model is the deployment's name. Its streams begin with a chunk that names nothing.
 * Source: https://learn.microsoft.com/azure/ai-services/openai/reference (read 2026-11-20).
 */
export const azure: Vendor = vendor(
  defineProvider({
    name: 'azure',
    template: true,
    options,
    create: ({ baseUrl, resource, apiVersion }) => {
      const base = baseUrl ?? (resource ? `https://${resource}.openai.azure.com/openai/v1` : null);
      if (base === null)
        throw new TypeError('resource or baseUrl is wanted: the address of your Azure OpenAI resource');
      const root = base.replace(/\/(v1\/?)?$/, '');
      return openAICompatible({
        baseUrl: apiVersion ? root : base,
        ...(apiVersion && {
          query: `api-version=${encodeURIComponent(apiVersion)}`,
          pathOf: (path: string, model: string | null) =>
            model === null ? path : `/deployments/${encodeURIComponent(model)}${path}`,
        }),
        toolImages: true,
        openaiFields: true,
        toolIds: { pattern: /^[\s\S]{1,40}$/, length: 40 },
        auth: ({ secret }): Record<string, string> => (secret === '' ? {} : { 'api-key': secret }),
        treatments: {
          'dated hosted tools': 'refused',
          'more than 4 stops': 'refused',
          'hosted tools': 'refused',
          'functions (legacy)': 'native',
          moderation: 'dropped',
        },
        // the filter names itself inside: https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter (read 2026-11-21)
        classify: ({ body }) => (isFiltered(body) ? 'content_policy' : null),
        refuses: reasoningRefuses,
        prepare: forReasoningModels,
      });
    },
  }),
);

function isFiltered(body: unknown): boolean {
  const error = isRecord(body) ? body['error'] : null;
  const inner = isRecord(error) ? error['innererror'] : null;
  return isRecord(inner) && inner['code'] === 'ResponsibleAIPolicyViolation';
}

export default azure;
