import { fork } from 'node:child_process';
import { once } from 'node:events';

/** What is done on a connection, one after the other. */
export type Step =
  /** Text as it is, in UTF-8. */
  | { readonly write: string }
  /** Bytes that are no text, in base64. */
  | { readonly bytes: string }
  /** The same text that many times, made while it is sent, at the reader's pace. */
  | { readonly fill: string; readonly times: number }
  | { readonly waitMs: number }
  /** The end of the connection: properly, or with a reset. What is behind it never happens. */
  | { readonly over: 'end' | 'reset' };

/** What a provider does to one request, or to one connection before it has said a word. */
export interface Fault {
  /** Begins once a request has come whole, or as soon as a connection is there. Default `request`. */
  readonly on?: 'accept' | 'request';
  /** When they are done the connection stays open: the next request on it gets the next fault of the script. */
  readonly steps: readonly Step[];
  /** What is written is cut into pieces of so many bytes, with a pause behind each. */
  readonly slice?: { readonly bytes: number; readonly gapMs: number };
}

/** A request as it came. */
export interface FaultedRequest {
  /** Which connection since the script began, from 1. */
  readonly connection: number;
  readonly head: string;
  readonly body: string;
  /** When its connection was gone (milliseconds since 1970), whoever ended it. */
  closedAt: number | null;
}

export interface Witnessed {
  readonly connections: number;
  /** Connections that are open now. */
  readonly open: number;
  readonly requests: readonly FaultedRequest[];
}

/** A provider on bare sockets, as a process of its own, that answers with whatever its script says. */
export interface FaultServer {
  readonly url: string;
  readonly port: number;
  /**
   * What happens from now on, request after request; the last one repeats. Connections of before are closed and what
   * was witnessed is forgotten when it resolves.
   */
  script(...faults: readonly Fault[]): Promise<void>;
  witnessed(): Promise<Witnessed>;
  /** Closes the port, or opens the same one again. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Stops the process where it is; the kernel still completes handshakes until the backlog of the port is full. */
  freeze(): void;
  close(): Promise<void>;
}

/** Starts one on a free port of 127.0.0.1; `backlog`: connections that may wait to be accepted. */
export async function startFaultServer({ backlog = 512 } = {}): Promise<FaultServer> {
  const child = fork(new URL('./fault-server-process.ts', import.meta.url), [String(backlog)], {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  let asked = 0;
  const ask = <Value>(message: Omit<Order, 'reply'>): Promise<Value> =>
    new Promise((resolve) => {
      const reply = ++asked;
      const listen = (answer: { reply: number; value: Value }) => {
        if (answer.reply !== reply) return;
        child.off('message', listen);
        resolve(answer.value);
      };
      child.on('message', listen);
      child.send({ ...message, reply });
    });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    script: (...faults) => ask({ type: 'script', faults }),
    witnessed: () => ask({ type: 'witnessed' }),
    down: () => ask({ type: 'down' }),
    up: () => ask({ type: 'up' }),
    freeze: () => void child.kill('SIGSTOP'),
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** What the process is told. */
export interface Order {
  readonly type: 'script' | 'witnessed' | 'down' | 'up';
  readonly reply: number;
  readonly faults?: readonly Fault[];
}
