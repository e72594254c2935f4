import { parentPort, workerData } from 'node:worker_threads';

/*
 * A clock for constant rates: Node's timers know whole milliseconds only, and spinning would take the core away from
 * the upstream beside it. This thread sleeps to the microsecond and says when the next request is due.
 */

const { gapMs, count } = workerData as { gapMs: number; count: number };
const now = () => performance.timeOrigin + performance.now(); // as the main thread reads it
const firstAt = now() + 20;
const cell = new Int32Array(new SharedArrayBuffer(4));

for (let tick = 0; tick < count; tick++) {
  const wait = firstAt + tick * gapMs - now();
  if (wait > 0) Atomics.wait(cell, 0, 0, wait);
  parentPort?.postMessage(firstAt + tick * gapMs);
}
