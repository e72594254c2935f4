import { type Agent, request as send } from 'undici';

/** Asks over sockets that the test has in its hands, and reads the answer to its end. */
export async function post(
  url: string,
  { agent, key, headers }: { agent: Agent; key: string; headers?: Record<string, string> },
  body: string,
): Promise<{ status: number; text: string }> {
  const { statusCode, body: answer } = await send(url, {
    method: 'POST',
    dispatcher: agent,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: statusCode, text: await answer.text() };
}
