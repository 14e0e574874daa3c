import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../../agent/store/embedded.js';
import { vpcRecord } from './store-records.js';

/**
 * `store-writer.js DIR`: commits for ever, three at a time, and after each commit writes its revision to standard output. Commit N
 * puts `batch` records that all carry N, so a part of a commit is easy to tell from the whole.
 */
const [dataDir = ''] = process.argv.slice(2);
const store = await openEmbeddedStore({ dataDir });
for (;;) await Promise.all([commit(), commit(), commit()]);

async function commit(): Promise<void> {
  const { revision } = store.head();
  const next = String(revision + 1);
  const batch = Array.from({ length: 5 }, (_, n) => vpcRecord(n, { serial: next }));
  const own = vpcRecord(1000 + revision, { serial: next });
  await store.commit(
    revision,
    [...batch, own].map((record) => ({ kind: 'vpc', id: record.vpcId, record })),
  );
  writeSync(1, `${next}\n`);
}
