import { z } from 'zod';
import type { UserRow } from '../../store/schema.ts';
import type { UserLimits } from '../../store/users.ts';

const NANO = 1e9;
const count = z.int().min(1).nullish();
const money = z.number().positive().max(1e6).nullish();

/** A user's own limits as the operator writes them; `null` is as for all. */
export const limitsBody = z.strictObject({
  rpm: count,
  tpm: count,
  usd_per_day: money,
  usd_per_month: money,
});

/** What is left out stays as it is. */
export function storedLimits(body: z.infer<typeof limitsBody>): Partial<UserLimits> {
  const nano = (usd: number | null) => (usd === null ? null : Math.round(usd * NANO));
  return {
    ...(body.rpm !== undefined && { rpm: body.rpm }),
    ...(body.tpm !== undefined && { tpm: body.tpm }),
    ...(body.usd_per_day !== undefined && { usd_per_day: nano(body.usd_per_day) }),
    ...(body.usd_per_month !== undefined && { usd_per_month: nano(body.usd_per_month) }),
  };
}

export interface DefaultLimits {
  readonly rpm?: number;
  readonly tpm?: number;
  readonly usdPerDay?: number;
  readonly usdPerMonth?: number;
}

/** What holds for a user: their own, else those of all; `null` is no limit. */
export function shownLimits(user: UserRow, defaults: DefaultLimits) {
  const usd = (nano: number | null) => (nano === null ? null : Number(nano) / NANO);
  return {
    rpm: user.rpm ?? defaults.rpm ?? null,
    tpm: user.tpm ?? defaults.tpm ?? null,
    usd_per_day: usd(user.usd_per_day) ?? defaults.usdPerDay ?? null,
    usd_per_month: usd(user.usd_per_month) ?? defaults.usdPerMonth ?? null,
  };
}
