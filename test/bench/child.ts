import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Where a process runs: the server under test alone on one core, everything that loads it on the other. */
export type Core = 'server' | 'load';

const NUMBER: Readonly<Record<Core, string>> = { server: '0', load: '1' };

/** Can processes be kept to a core here? */
export const pinned: boolean =
  cpus().length > 1 &&
  Object.values(NUMBER).every((core) => spawnSync('taskset', ['-c', core, 'true']).status === 0);

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

export interface NodeOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdio: 'ipc' | 'pipe';
}

/** Starts Node on a core; whatever is still running ends with this process. */
export const startNode = (core: Core, args: readonly string[], options: NodeOptions): ChildProcess =>
  startOn(core, [process.execPath, ...args], options);

/** The same for any program. */
export function startOn(
  core: Core,
  program: readonly string[],
  { cwd, env, stdio }: NodeOptions,
): ChildProcess {
  const [command = '', ...rest] = [...(pinned ? ['taskset', '-c', NUMBER[core]] : []), ...program];
  const child = spawn(command, rest, {
    stdio: stdio === 'ipc' ? ['ignore', 'inherit', 'inherit', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
    ...(env && { env }),
  });
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  return child;
}

/** A program of this folder. */
export interface Program {
  readonly pid: number;
  readonly port: number;
  /** Sends a message and waits for the answer; rejects where the program ends instead. */
  ask<Answer>(question: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts a program of this folder and waits until it says that it is ready. */
export async function startProgram(file: string, core: Core, args: readonly string[] = []): Promise<Program> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = startNode(core, [path, ...args], { stdio: 'ipc' });
  const ready = await answerOf<{ port: number }>(child, file);
  return {
    pid: child.pid ?? 0,
    port: ready.port,
    ask(question) {
      const answer = answerOf(child, file);
      child.send(question);
      return answer as Promise<never>; // what the program sends is what its caller asks for
    },
    stop: () => stopChild(child, 'SIGTERM').then(() => {}),
  };
}

function answerOf<Answer>(child: ChildProcess, file: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null) => {
      child.off('message', answered);
      reject(new Error(`${file} ended with ${code}`));
    };
    const answered = (message: unknown) => {
      child.off('exit', exited);
      resolve(message as Answer); // both ends are in this folder
    };
    child.once('message', answered);
    child.once('exit', exited);
  });
}

/** Ends a child and waits for it; resolves with its exit code. */
export async function stopChild(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, 'exit');
  child.kill(signal);
  const hard = setTimeout(() => child.kill('SIGKILL'), 15_000);
  const [code] = (await gone) as [number | null];
  clearTimeout(hard);
  return code;
}
