import {
  type Candidate,
  type Choice,
  expectedCost,
  type Facts,
  leaves,
  type Money,
  type Plan,
  type PlanContext,
} from '@inferbridge/core';

/** Who is called first where a choice is taken: a nested plan is judged by its first candidate that can be called. */
export function frontOf({ plan }: Pick<Choice, 'plan'>): Candidate | null {
  const all = leaves(plan);
  return all.find(({ facts }) => !facts.blocked) ?? all[0] ?? null;
}

export const factsOf = (choice: Pick<Choice, 'plan'>): Facts | null => frontOf(choice)?.facts ?? null;

/** Can somebody of this choice be called now? */
export const isReady = ({ plan }: Pick<Choice, 'plan'>): boolean =>
  leaves(plan).some(({ facts }) => !facts.blocked);

/** Those that can be called now before those that cannot, each in their order. */
export function readyFirst(choices: readonly Choice[]): readonly Choice[] {
  if (choices.every(isReady)) return choices;
  return [...choices.filter(isReady), ...choices.filter((choice) => !isReady(choice))];
}

/** In rising order of a number, unknown ones last; equals keep their order. */
export function sortedBy(
  choices: readonly Choice[],
  of: (choice: Choice) => number | null,
): readonly Choice[] {
  const valued = choices.map((choice) => ({ choice, value: of(choice) ?? Number.POSITIVE_INFINITY }));
  return valued.sort((a, b) => (a.value === b.value ? 0 : a.value - b.value)).map(({ choice }) => choice);
}

/** In an order of chance. */
export function shuffled(choices: readonly Choice[], random: () => number): readonly Choice[] {
  return choices
    .map((choice) => ({ choice, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ choice }) => choice);
}

/** What a choice is expected to cost where its first candidate answers. */
export function costOf(choice: Pick<Choice, 'plan'>, context: PlanContext): Money | null {
  const front = frontOf(choice);
  return front && expectedCost(front, context);
}

/** One after the other. */
export const inOrder = (choices: readonly Choice[]): Plan => ({ inOrder: choices.map(({ plan }) => plan) });
