export { seededRandom } from '../random.ts';
export { settled, type VirtualClock, virtualClock } from '../virtual-clock.ts';
export {
  type Check,
  type ProviderContract,
  providerContract,
  storeContract,
  strategyContract,
} from './contracts.ts';
export { choicesOf, contextOf, idsOf } from './planning.ts';
export { type Act, type ScriptedTarget, type ScriptOptions, scripted } from './scripted.ts';
