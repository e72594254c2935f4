import { rawClient } from '../../support/fault-server-client.ts';
import type { TestGateway } from '../../support/gateway.ts';

/** Bytes as they are; what comes back within `waitMs`, and whether the connection was closed. */
export async function raw(gateway: TestGateway, bytes: string, waitMs = 400) {
  const client = await rawClient(gateway);
  client.send(bytes);
  const received = await client.until(() => false, waitMs);
  const { closed } = client;
  client.leave();
  return { received, closed };
}
