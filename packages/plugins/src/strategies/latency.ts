import { because, type Choice, defineStrategy, type StrategyPlugin } from '@inferbridge/core';
import { factsOf, isReady, sortedBy } from './order.ts';

/** An error rate of one would make the load endless. */
const MOST_ERRORS = 0.95;
const FORGIVEN = 0.02;

/**
 * Of two that are drawn the less loaded one first, then the other, then the rest: the load is the moving average of the
 * time to the first content, times what is in flight, over the share that succeeds. Two are enough to find the fast
 * ones, and few enough that not everybody runs to the same one. Who is not known yet is tried, one request at a time.
 */
export const latency: StrategyPlugin = defineStrategy({
  name: 'latency',
  create:
    () =>
    (choices, { random }) => {
      const ready = choices.filter(isReady);
      const drawn = two(ready.length > 0 ? ready : choices, random);
      const rest = choices.filter((choice) => !drawn.includes(choice));
      const ranked = [...sortedBy(drawn, loadOf), ...sortedBy(rest, loadOf)];
      return { inOrder: ranked.map((choice) => because(choice.plan, wordOf(choice))) };
    },
});

function two(choices: readonly Choice[], random: () => number): readonly Choice[] {
  if (choices.length <= 2) return choices;
  const first = Math.floor(random() * choices.length);
  const step = 1 + Math.floor(random() * (choices.length - 1));
  return [first, (first + step) % choices.length].flatMap((index) => choices[index] ?? []);
}

function loadOf(choice: Choice): number | null {
  const facts = factsOf(choice);
  if (!facts || facts.blocked) return null;
  const { ewmaMs, inFlight, errorRate } = facts;
  const busy = inFlight ?? 0;
  // one that has only failed is not unknown, until its failures are some time ago
  if (ewmaMs === null) return busy === 0 && (errorRate ?? 0) < FORGIVEN ? 0 : Number.MAX_VALUE;
  return (ewmaMs * (busy + 1)) / (1 - Math.min(MOST_ERRORS, errorRate ?? 0));
}

function wordOf(choice: Choice): string {
  const facts = factsOf(choice);
  if (facts?.ewmaMs == null) return 'not known yet';
  return `about ${Math.round(facts.ewmaMs)} ms, ${facts.inFlight ?? 0} in flight`;
}

export default latency;
