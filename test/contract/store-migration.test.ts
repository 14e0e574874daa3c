import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openEmbeddedStore } from '../../agent/store/embedded.js';
import type { Migration } from '../../agent/store/migrations/index.js';
import { vpcRecord } from '../support/store-records.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync('/tmp/enid-store-');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** As if an older version had named the field `label`. */
const rename: Migration = {
  summary: 'tag label becomes tag name, client tokens are dropped',
  run: (records) =>
    records
      .filter(({ kind }) => kind === 'vpc')
      .map((stored) => {
        const { tags, ...vpc } = stored.record as ReturnType<typeof vpcRecord>;
        return { ...stored, record: { ...vpc, tags: { name: tags.label } } };
      }),
};
const upper: Migration = {
  summary: 'names in capitals',
  run: (records) =>
    records.map((stored) => {
      const vpc = stored.record as ReturnType<typeof vpcRecord>;
      return { ...stored, record: { ...vpc, tags: { name: String(vpc.tags.name).toUpperCase() } } };
    }),
};
const broken: Migration = {
  summary: 'never ends well',
  run: () => {
    throw new Error('unexpected shape');
  },
};

const withStore = async <T>(
  migrations: readonly Migration[],
  use: (store: Awaited<ReturnType<typeof openEmbeddedStore>>) => Promise<T>,
) => {
  const store = await openEmbeddedStore({ dataDir: dir, migrations });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
};
const tagsIn = (migrations: readonly Migration[]) =>
  withStore(migrations, async (store) => [store.snapshot().revision, [...store.snapshot().all('vpc')].map((vpc) => vpc.tags)]);

beforeEach(() =>
  withStore([], (store) =>
    store.commit(0, [
      { kind: 'vpc', id: vpcRecord(1).vpcId, record: vpcRecord(1, { label: 'one' }) },
      { kind: 'clientToken', id: 't', record: { tokenId: 't', digest: '', result: null, createTime: '' } },
    ]),
  ),
);

it('an older store is rewritten once, in all steps, with a copy kept', async () => {
  expect(await tagsIn([rename, upper])).toEqual([1, [{ name: 'ONE' }]]);
  expect(existsSync(`${dir}/store-format-1.mdb`)).toBe(true);
  expect(await tagsIn([rename, upper])).toEqual([1, [{ name: 'ONE' }]]);
});

it('steps that were done are not done again', async () => {
  expect(await tagsIn([rename])).toEqual([1, [{ name: 'one' }]]);
  expect(await tagsIn([rename, upper])).toEqual([1, [{ name: 'ONE' }]]);
});

it('a migration that fails leaves the store as it was', async () => {
  await expect(tagsIn([rename, broken])).rejects.toThrow(/store\.mdb: .*unexpected shape/);
  expect(await tagsIn([])).toEqual([1, [{ label: 'one' }]]);
});

it('a store of a newer version is refused with the remedy, and untouched', async () => {
  await tagsIn([rename, upper]);
  await expect(tagsIn([rename])).rejects.toThrow(/has format 3, this version of enid reads up to 2: install the newer version/);
  expect(await tagsIn([rename, upper])).toEqual([1, [{ name: 'ONE' }]]);
});
