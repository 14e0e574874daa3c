import { open } from 'lmdb';
import { Config } from '../../../agent/config/schema.js';
import { hasFlowLimit } from '../../../agent/kernel/feature-table.js';
import type { KernelObject } from '../../../agent/kernel/port.js';
import { Snapshot } from '../../../agent/model/snapshot.js';
import { type PlanSettings, planUnit } from '../../../agent/planner/plan.js';
import { allUnits } from '../../../agent/planner/units.js';
import { decodeRecord, RECORD_PREFIX, toChange } from '../../../agent/store/codec.js';
import { STORE_FILE } from '../../../agent/store/directory.js';
import { tunnelKind } from '../../../agent/vpn/tunnel-kind.js';
import { SETTINGS } from '../builders.js';
import { testKernel } from '../kernel.js';

/** What a daemon's disk holds, read beside it. */
export async function readDurable(dataDir: string): Promise<Snapshot> {
  const db = open<string, string>({ path: `${dataDir}/${STORE_FILE}`, noSubdir: true, encoding: 'string', readOnly: true });
  try {
    const rows = [...db.getRange({ start: RECORD_PREFIX, end: `${RECORD_PREFIX}\uffff` })];
    return Snapshot.empty.with(
      1,
      rows.map(({ key, value }) => toChange(decodeRecord(key, value))),
    );
  } finally {
    await db.close();
  }
}

/** Settings of a test agent on this machine: what it finds there decides about some. */
export async function agentSettings(): Promise<PlanSettings> {
  const kernel = testKernel();
  const features = await kernel.probe();
  kernel.close();
  const flowsPerInterface = hasFlowLimit(features) ? Config.parse({}).flowsPerInterface : 0;
  return { ...SETTINGS, tunnel: tunnelKind(features), flowsPerInterface };
}

/** Everything that the kernel of a test agent's host shall hold. */
export function planOf(snapshot: Snapshot, settings: PlanSettings): KernelObject[] {
  return [...allUnits(snapshot, settings.hostId)].flatMap((unit) => planUnit(snapshot, settings, unit));
}
