import { type ChatRequest, seededRandom } from '@inferbridge/core';
import { expect, it } from 'vitest';
import { meaningOf } from './canonical.ts';

/** `SEEDS=5000` runs more of them, `FIRST_SEED=17 SEEDS=1` repeats one. */
const SEEDS = Number(process.env['SEEDS'] ?? 300);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);

const meaning = (text: string, strict = false) => {
  const value = JSON.parse(text) as ChatRequest; // whatever a caller sends
  const native = { dialect: 'openai', bytes: new TextEncoder().encode(text), of: value };
  return meaningOf({ operation: 'chat', value, native }, { strict });
};

/** JSON with its forms still open; a number has its digits and its power of ten. */
type Json = null | boolean | string | { readonly digits: number; readonly power: number } | Json[] | Fields;
type Fields = Map<string, Json>;

const diceOf = (seed: number) => {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  return { below, chance: (p: number) => random() < p };
};
type Dice = ReturnType<typeof diceOf>;

const KEYS = ['a', 'b', 'role', 'content', '', '"', 'é', '\u{1f600}', '__proto__', '10', '9', 'A', '\n'];
const textOf = ({ below }: Dice) => Array.from({ length: below(4) }, () => KEYS[below(KEYS.length)]).join('');

function jsonOf(dice: Dice, depth: number): Json {
  const { below, chance } = dice;
  const draw = below(depth > 0 ? 6 : 4);
  if (draw === 0) return chance(0.3) ? null : chance(0.5);
  if (draw === 1) return textOf(dice);
  if (draw < 4) return { digits: below(2_000_000) - 1_000_000, power: below(9) - 4 };
  if (draw === 4) return Array.from({ length: below(5) }, () => jsonOf(dice, depth - 1));
  return fieldsOf(dice, depth);
}

const fieldsOf = (dice: Dice, depth: number): Fields =>
  new Map(
    Array.from({ length: 1 + dice.below(5) }, () => [
      KEYS[dice.below(KEYS.length)] ?? '',
      jsonOf(dice, depth - 1),
    ]),
  );

/** One of the many ways to write it. */
function writtenBy(dice: Dice, json: Json): string {
  const { below, chance } = dice;
  const gap = () => (chance(0.7) ? '' : ([' ', '\n', '\t\r', '   '][below(4)] ?? ''));
  const quoted = (text: string) =>
    `"${[...text].map((letter) => (chance(0.4) ? escaped(letter, chance(0.5)) : JSON.stringify(letter).slice(1, -1))).join('')}"`;
  const within = (parts: string[]) => parts.map((part) => gap() + part + gap()).join(',');
  if (json === null || typeof json === 'boolean') return String(json);
  if (typeof json === 'string') return quoted(json);
  if (Array.isArray(json)) return `[${within(json.map((one) => writtenBy(dice, one)))}${gap()}]`;
  if (!(json instanceof Map)) return numberBy(dice, json);
  const fields = [...json].map(
    ([key, value]) => [below(1e9), `${quoted(key)}${gap()}:${writtenBy(dice, value)}`] as const,
  );
  return `{${within(fields.sort(([a], [b]) => a - b).map(([, text]) => text))}${gap()}}`;
}

const escaped = (letter: string, upper: boolean) =>
  letter
    .split('')
    .map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'))
    .map((hex) => `\\u${upper ? hex.toUpperCase() : hex}`)
    .join('');

function numberBy({ below, chance }: Dice, { digits, power }: { digits: number; power: number }): string {
  const moved = below(5);
  const e = (n: number) =>
    `${chance(0.5) ? 'e' : 'E'}${n < 0 ? '' : (['', '+', '0', '+00'][below(4)] ?? '')}${n}`;
  if (digits !== 0 && chance(0.3)) return `${digits}${'0'.repeat(moved)}${e(power - moved)}`;
  if (chance(0.3)) return `${digits}.${'0'.repeat(1 + moved)}${e(power)}`;
  if (chance(0.5)) return `${digits}${e(power)}`;
  return JSON.stringify(Number(`${digits}e${power}`));
}

/** The same with one thing in it changed. */
function mutated(dice: Dice, json: Json): Json {
  const { below, chance } = dice;
  if (Array.isArray(json) && json.length > 0 && chance(0.7)) {
    const at = below(json.length);
    if (chance(0.2)) return [...json, null];
    if (chance(0.2)) return json.toSpliced(at, 1);
    return json.with(at, mutated(dice, json[at] ?? null));
  }
  if (json instanceof Map && json.size > 0 && chance(0.7)) {
    const [key, value] = [...json][below(json.size)] ?? ['', null];
    const rest = new Map([...json].filter(([other]) => other !== key));
    if (chance(0.2)) return rest;
    if (chance(0.2)) return new Map([...json, ['added', null]]);
    return rest.set(chance(0.2) ? `${key}~` : key, chance(0.2) ? [value] : mutated(dice, value));
  }
  if (typeof json === 'string') return `${json} `;
  if (typeof json === 'object' && json && 'digits' in json) return { ...json, digits: json.digits + 1 };
  return json === true ? 'true' : true;
}

it(`the same said in another way means the same, anything else something else (${SEEDS} seeds)`, () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const dice = diceOf(seed);
    const json = fieldsOf(dice, 4);
    const text = writtenBy(dice, json);
    const strict = dice.chance(0.5);
    const known = meaning(text, strict);
    expect(known, `seed ${seed}: ${text}`).not.toBeNull();
    for (let i = 0; i < 5; i++) {
      const same = writtenBy(dice, json);
      expect(meaning(same, !strict), `seed ${seed}: ${text} and ${same}`).toBe(known);
      const said = mutated(dice, json);
      const other = writtenBy(dice, said instanceof Map ? said : new Map([['only', said]]));
      expect(meaning(other), `seed ${seed}: ${text} and ${other}`).not.toBe(known);
    }
  }
});
