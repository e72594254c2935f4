import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What an upstream does with one request. */
export type Act =
  | {
      readonly status: number;
      readonly body: string;
      readonly headers?: Record<string, string>;
      readonly afterMs?: number;
    }
  | {
      /** Bytes of the stream, each written on its own; `base64:…` for bytes that are no text. */
      readonly sse: readonly string[];
      readonly gapMs?: number;
      /** After the last: end the response, reset the connection, or leave it open. */
      readonly end?: 'end' | 'reset' | 'hang';
      readonly headers?: Record<string, string>;
      readonly afterMs?: number;
    }
  /** By what the request asks for. */
  | { readonly whole: Act; readonly stream: Act }
  | { readonly hang: true }
  | { readonly reset: true }
  | { readonly raw: string };

/** A request as it reached the upstream. */
export interface Seen {
  readonly id: number;
  readonly vendor: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** When the gateway closed it before its end, `null` where it did not. */
  closedEarlyAt: number | null;
}

export interface Upstream {
  readonly url: string;
  readonly port: number;
  /** What the next requests of this vendor get; the last act repeats. */
  script(vendor: string, ...acts: Act[]): void;
  seen(vendor?: string): Promise<readonly Seen[]>;
  clear(): Promise<void>;
  inFlight(): Promise<number>;
  /** Ends the process without a word. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export async function startUpstream(port = 0): Promise<Upstream> {
  const child = fork(new URL('./upstream-process.ts', import.meta.url), [String(port)], {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [{ port: bound }] = (await once(child, 'message')) as [{ port: number }];
  let nextReply = 1;
  const ask = (message: object): Promise<unknown> =>
    new Promise((resolve) => {
      const reply = nextReply++;
      const listen = (answer: { reply?: number; value?: unknown }) => {
        if (answer.reply !== reply) return;
        child.off('message', listen);
        resolve(answer.value);
      };
      child.on('message', listen);
      child.send({ ...message, reply });
    });
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child as ChildProcess, 'exit');
    child.kill(signal);
    await gone;
  };
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    script: (vendor, ...acts) => void child.send({ type: 'script', vendor, acts }),
    seen: async (vendor) => {
      const all = (await ask({ type: 'seen' })) as Seen[];
      return vendor ? all.filter((request) => request.vendor === vendor) : all;
    },
    clear: async () => void (await ask({ type: 'seen', clear: true })),
    inFlight: async () => (await ask({ type: 'inFlight' })) as number,
    kill: () => end('SIGKILL'),
    close: () => end('SIGTERM'),
  };
}
