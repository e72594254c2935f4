/*
 * Preloaded into a gateway under test: names that a resolver does not know or knows too late, and, at SIGUSR2, for how
 * long at most the event loop stood still since it was asked the last time.
 */
import dns from 'node:dns';
import { monitorEventLoopDelay } from 'node:perf_hooks';

type Callback = (error: Error | null, ...rest: unknown[]) => void;

/** `nowhere.invalid` does not exist; `slow.invalid` is nobody's business for five seconds. */
const ANSWER_AFTER_MS: Readonly<Record<string, number>> = { 'nowhere.invalid': 0, 'slow.invalid': 5_000 };

const lookup = dns.lookup as (...args: unknown[]) => unknown; // its overloads do not matter: all is handed on
const patched = (...args: unknown[]): unknown => {
  const [name] = args;
  const callback = args.at(-1) as Callback; // as every form of it has
  const afterMs = ANSWER_AFTER_MS[String(name)];
  if (afterMs === undefined) return lookup(...args);
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
  setTimeout(() => callback(error), afterMs).unref();
  return {};
};
Object.assign(dns, { lookup: patched });

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on('SIGUSR2', () => {
  process.stdout.write(`stood still ${Math.round(delay.max / 1e6)} ms\n`);
  delay.reset();
});
