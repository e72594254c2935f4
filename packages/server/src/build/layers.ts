import type { Host, Layer } from '@inferbridge/core';
import { createHealthGate, faults, type HealthGate, parseFault, resilience } from '@inferbridge/plugins';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/schema.ts';
import type { Providers } from '../routing/targets.ts';

/** May a request ask for faults by its header? */
export const drillsOf = ({ faults: drill }: Pick<Config, 'faults'>): boolean =>
  typeof drill === 'boolean' ? drill : drill.header;

/** What stands around every target, outermost first; the fire drill is innermost, so that all else meets its faults. */
export function buildLayers(
  config: Config,
  providers: Providers,
  host: Host,
): { readonly layers: readonly Layer[]; readonly gate: HealthGate } {
  const gate = createHealthGate(host);
  const around = [gate.layer, ...resilience(host)];
  const { faults: drill } = config;
  if (drill === false) return { layers: around, gate };
  const rules = drill === true ? [] : drill.rules;
  const wrong = rules.flatMap(({ provider, fault }, index) => {
    const at = `faults.rules[${index}]`;
    if (!providers.get(provider))
      return [`${at}.provider: no provider named "${provider}"; known: ${providers.names().join(', ')}`];
    try {
      parseFault(fault);
      return [];
    } catch (error) {
      return [`${at}.fault: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
  if (wrong.length > 0) throw new ConfigError(wrong);
  return { layers: [...around, faults({ rules, ...host })], gate };
}
