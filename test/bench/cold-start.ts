import { startGateway, temporaryFolder } from './gateway.ts';

/** Milliseconds from the spawn to the first 200, start by start. */
export interface ColdStarts {
  /** With a data directory that is not there yet. */
  readonly fresh: readonly number[];
  /** With the data directory of the start before. */
  readonly existing: readonly number[];
}

/** Starts and stops the gateway, in turns in a folder of its own and in one that it knows. */
export async function coldStarts(upstreamPort: number, times: number): Promise<ColdStarts> {
  const fresh: number[] = [];
  const existing: number[] = [];
  const timed = async (dir: string): Promise<number> => {
    const gateway = await startGateway({ upstreamPort, dir });
    await gateway.stop();
    return gateway.startMs;
  };
  for (let i = 0; i < times; i++) {
    const { dir, remove } = temporaryFolder();
    try {
      fresh.push(await timed(dir));
      existing.push(await timed(dir));
    } finally {
      remove();
    }
  }
  return { fresh, existing };
}
