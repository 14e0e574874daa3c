import { open } from 'lmdb';
import type { KernelObject } from '../../../agent/kernel/port.js';
import { Snapshot } from '../../../agent/model/snapshot.js';
import { type PlanSettings, planUnit } from '../../../agent/planner/plan.js';
import { allUnits } from '../../../agent/planner/units.js';
import { decodeRecord, RECORD_PREFIX, toChange } from '../../../agent/store/codec.js';
import { STORE_FILE } from '../../../agent/store/directory.js';
import { HOST, SETTINGS } from '../builders.js';

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

/** Everything that the kernel of a test agent's host shall hold. */
export function planOf(snapshot: Snapshot, settings: Partial<PlanSettings> = {}): KernelObject[] {
  return [...allUnits(snapshot, HOST)].flatMap((unit) => planUnit(snapshot, { ...SETTINGS, ...settings }, unit));
}
