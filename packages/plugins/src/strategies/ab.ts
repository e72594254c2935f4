import { hash } from 'node:crypto';
import { type Choice, defineStrategy, type PlanContext, type StrategyPlugin } from '@inferbridge/core';
import { z } from 'zod';
import { unknownTag } from './tags.ts';
import { misfit, weight, weightOf } from './weights.ts';

const options = z.strictObject({
  /** One for each arm; default: equal. */
  weights: z.array(weight).min(1).optional(),
  /** What keeps a caller on an arm: `user`, `session` (a header), or the name of a tag. Default `user`. */
  by: z.string().min(1).default('user'),
  /** Experiments with different seeds deal their callers independently. Default `""`. */
  seed: z.string().default(''),
  /** The arms' names in the log; default A, B, C … */
  names: z.array(z.string().min(1).max(64)).optional(),
  /** A failed arm's requests go on to the other arms. Default false: or the experiment lies. */
  spill: z.boolean().default(false),
});

type Options = z.infer<typeof options>;

/**
 * An experiment: each caller stays on one arm, the arm stands on the log row. Dealt by a hash of seed and key, so that
 * the same seed gives the same arms everywhere; whoever has no key is dealt by chance each time. A caller who cannot be
 * on the arm that the hash says (no provider key for it) is dealt anew among the arms that are left.
 */
export const ab: StrategyPlugin = defineStrategy<Options>({
  name: 'ab',
  options,
  fits: ({ weights, names, by }, targets, tags) => {
    if (names && names.length !== targets)
      return `names: one for each target is wanted: ${targets}, got ${names.length}`;
    if (names && new Set(names).size < names.length) return 'names: each arm needs one of its own';
    if (by !== 'user' && by !== 'session') return unknownTag(`by`, [by], tags) ?? misfit(weights, targets);
    return misfit(weights, targets);
  },
  create: (given) => (choices, context) => {
    const chosen = deal(choices, given, context);
    const arm = given.names?.[chosen.index] ?? letter(chosen.index);
    const rest = given.spill ? choices.filter((choice) => choice !== chosen) : [];
    return { inOrder: [chosen.plan, ...rest.map(({ plan }) => plan)], arm };
  },
});

function deal(choices: readonly Choice[], { weights, by, seed }: Options, context: PlanContext): Choice {
  const key = keyOf(by, context);
  const at = (round: string) =>
    key === null ? context.random() : fraction(JSON.stringify([seed, context.place, round, key]));
  const count = Math.max(context.targets, weights?.length ?? 0, ...choices.map(({ index }) => index + 1));
  const everybody = Array.from({ length: count }, (_, index) => ({ index }));
  const { index } = pick(everybody, weights, at(''));
  return choices.find((choice) => choice.index === index) ?? pick(choices, weights, at(' again'));
}

/** The one in whose share of the whole this point lies. */
function pick<One extends Pick<Choice, 'index'>>(
  from: readonly One[],
  weights: readonly number[] | undefined,
  at: number,
): One {
  const total = from.reduce((sum, one) => sum + weightOf(weights, one), 0);
  let left = at * total;
  const found = from.find((one) => (left -= weightOf(weights, one)) < 0) ?? from.at(-1);
  if (!found) throw new TypeError('an experiment without arms');
  return found;
}

function keyOf(by: string, { user, session, request }: PlanContext): string | null {
  if (by === 'user') return user;
  if (by === 'session') return session;
  return request.tags[by] ?? null;
}

/** In [0, 1), evenly, the same for the same text. */
const fraction = (text: string): number =>
  Number.parseInt(hash('sha256', text, 'hex').slice(0, 12), 16) / 2 ** 48;

const letter = (index: number): string => (index < 26 ? String.fromCharCode(65 + index) : String(index + 1));

export default ab;
