import { type HttpResponse, type ProviderIO, sleep } from '@inferbridge/core';
import { readJson } from './json.ts';

const MOST_BYTES = 1_048_576;
/** What a status says is known without its body. */
const PATIENCE_MS = 1_000;

/** The JSON body of a refusal, `null` where it is none, or does not come while its status is waited on. */
export async function refusalBody(
  response: HttpResponse,
  { clock, signal }: Pick<ProviderIO, 'clock' | 'signal'>,
): Promise<unknown> {
  const enough = new AbortController();
  const tooLong = sleep(clock, PATIENCE_MS, AbortSignal.any([signal, enough.signal])).then(
    () => null,
    () => null,
  );
  const body = response.bytes(MOST_BYTES).then(readJson, () => null);
  return Promise.race([body, tooLong]).finally(() => enough.abort());
}
