import type { Loaded } from '../config/load.ts';
import type { EncryptionKey } from '../secrets/encryption-key.ts';

export interface Serving {
  readonly url: string;
  readonly key: EncryptionKey;
  /** Where one was made just now. */
  readonly operatorKey: string | null;
}

/** What a newcomer sees when the gateway serves: where it is, what to keep, what to do next. */
export function welcome({ url, key, operatorKey }: Serving, { config, file }: Loaded): string {
  const kept = key.file === null ? 'from the environment' : key.file;
  const made = key.made
    ? `\n  A new encryption key was made there. Provider keys can only be read with it: back it up, apart from the
  database. In production set INFERBRIDGE_ENCRYPTION_KEY to its content instead.\n`
    : '';
  const operator =
    operatorKey === null
      ? ''
      : `
  operator key    ${operatorKey}
  It is shown this once, and only its hash is kept: store it. It lists, limits and removes users and replaces lost keys
  under /v1/admin (inferbridge keys operator makes a new one).
`;
  return `
InferBridge serves on ${url}

  configuration   ${file ?? 'none found, the defaults hold (inferbridge init writes one)'}
  data            ${config.dataDir}
  encryption key  ${kept}
${made}${operator}
Next, in another terminal:

  1. Get a key of your own. It is shown once.
     curl -s ${url}/v1/users -H 'content-type: application/json' -d '{"email":"you@example.com"}'

  2. Register a provider's key, as often as you like: with two providers there is a fallback.
     curl -s ${url}/v1/keys -H 'authorization: Bearer ib_…' -H 'content-type: application/json' \\
       -d '{"provider":"openai","api_key":"sk-…"}'

  3. Ask.
     curl -s ${url}/v1/chat/completions -H 'authorization: Bearer ib_…' -H 'content-type: application/json' \\
       -d '{"model":"ib/balanced","messages":[{"role":"user","content":"Hello"}]}'

In an application that uses an OpenAI SDK, two lines change:

     client = OpenAI(
         api_key="ib_…",
         base_url="${url}/v1",
     )

Who served what, and what was tried before:  curl -s ${url}/v1/logs -H 'authorization: Bearer ib_…'
`;
}
