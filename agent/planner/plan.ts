import type { KernelObject } from '../kernel/port.js';
import { isId } from '../model/ids.js';
import type { Snapshot } from '../model/snapshot.js';
import { planInstance } from './instance.js';
import { planInterface } from './interface.js';
import { planRouter } from './router.js';

export interface PlanSettings {
  readonly hostId: string;
  /** Of interfaces, bytes. */
  readonly mtu: number;
}

/**
 * What this host's kernel shall hold for a unit: a VPC, an instance or a network interface, named by its id. Nothing when the unit
 * shall not exist here. No two units plan the same object.
 */
export function planUnit(snapshot: Snapshot, settings: PlanSettings, unit: string): KernelObject[] {
  if (isId('networkInterface', unit)) return planInterface(snapshot, settings, unit);
  if (isId('instance', unit)) return planInstance(snapshot, settings, unit);
  if (isId('vpc', unit)) return planRouter(snapshot, settings, unit);
  return [];
}
