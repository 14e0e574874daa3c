import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Change, Snapshot } from '../../agent/model/snapshot.js';
import { openEmbeddedStore } from '../../agent/store/embedded.js';
import { GroupCommitStore, type Medium } from '../../agent/store/group-commit.js';
import { createMemoryStore } from '../../agent/store/memory.js';
import { type CommitEvent, type Store, StoreConflict, StoreFault } from '../../agent/store/store.js';
import { compile } from '../support/compile.js';
import { vpcRecord } from '../support/store-records.js';

let dir: string;
const opened: Store[] = [];
beforeEach(() => {
  dir = mkdtempSync('/tmp/enid-store-');
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  rmSync(dir, { recursive: true, force: true });
});

const put = (n: number, tags: Record<string, string> = {}): Change => ({ kind: 'vpc', id: vpcRecord(n).vpcId, record: vpcRecord(n, tags) });
const drop = (n: number): Change => ({ kind: 'vpc', id: vpcRecord(n).vpcId, record: undefined });
const vpcs = (snapshot: Snapshot) => [...snapshot.all('vpc')].sort((a, b) => a.vpcId.localeCompare(b.vpcId));
const open = async (dataDir = dir): Promise<Store> => {
  const store = await openEmbeddedStore({ dataDir });
  opened.push(store);
  return store;
};

describe.each([
  ['memory', async () => createMemoryStore()],
  ['embedded', () => open()],
] as const)('%s store', (_name, create) => {
  it('starts empty at revision 0', async () => {
    const store = await create();
    expect([store.snapshot().revision, vpcs(store.snapshot())]).toEqual([0, []]);
  });

  it('has a commit in its snapshot, whole, under the next revision', async () => {
    const store = await create();
    const after = await store.commit(0, [put(1), put(2), put(3)]);
    expect(after).toBe(store.snapshot());
    expect([after.revision, vpcs(after)]).toEqual([1, [vpcRecord(1), vpcRecord(2), vpcRecord(3)]]);
    const later = await store.commit(1, [drop(1), put(2, { name: 'x' }), drop(9)]);
    expect([later.revision, vpcs(later)]).toEqual([2, [vpcRecord(2, { name: 'x' }), vpcRecord(3)]]);
    expect(vpcs(after)).toHaveLength(3);
  });

  it.each([
    ['an old revision', 0],
    ['a revision to come', 2],
  ])('refuses a commit on %s and changes nothing', async (_case, revision) => {
    const store = await create();
    const before = await store.commit(0, [put(1)]);
    await expect(store.commit(revision, [put(2), drop(1)])).rejects.toBeInstanceOf(StoreConflict);
    expect(store.snapshot()).toBe(before);
    expect((await store.commit(1, [put(3)])).revision).toBe(2);
  });

  it('lets one of many concurrent commits on one revision win', async () => {
    const store = await create();
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => store.commit(0, [put(n)])));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.every((r) => r.status === 'fulfilled' || r.reason instanceof StoreConflict)).toBe(true);
    expect(vpcs(store.snapshot())).toEqual([vpcRecord(0)]);
  });

  it('loses no update of clients that retry on conflict', async () => {
    const store = await create();
    const client = async () => {
      for (let done = 0; done < 20; ) {
        const seen = store.head();
        const count = Number(seen.get('vpc', vpcRecord(1).vpcId)?.tags.count ?? 0);
        const outcome = await store.commit(seen.revision, [put(1, { count: String(count + 1) })]).catch((error) => error);
        if (outcome instanceof StoreConflict) continue;
        if (outcome instanceof Error) throw outcome;
        done += 1;
      }
    };
    await Promise.all([client(), client(), client(), client(), client()]);
    expect(store.snapshot().get('vpc', vpcRecord(1).vpcId)?.tags.count).toBe('100');
  });

  it('a commit of nothing checks the revision and keeps it', async () => {
    const store = await create();
    const before = await store.commit(0, [put(1)]);
    const events: CommitEvent[] = [];
    store.watch((event) => events.push(event));
    expect(await store.commit(1, [])).toBe(before);
    await expect(store.commit(0, [])).rejects.toBeInstanceOf(StoreConflict);
    expect(events).toEqual([]);
  });

  it('tells watchers of each commit in order, with the states around it, also when they commit themselves', async () => {
    const store = await create();
    const seen: [string, number, number, number][] = [];
    let nested: Promise<Snapshot> | undefined;
    const log = (who: string) => (event: CommitEvent) =>
      seen.push([who, event.before.revision, event.after.revision, event.changes.length]);
    store.watch((event) => {
      log('a')(event);
      if (event.after.revision === 1) nested = store.commit(1, [put(2), put(3)]);
    });
    const stop = store.watch(log('b'));
    await store.commit(0, [put(1)]);
    await nested;
    stop();
    await store.commit(2, [drop(1)]);
    expect(seen).toEqual([
      ['a', 0, 1, 1],
      ['b', 0, 1, 1],
      ['a', 1, 2, 2],
      ['b', 1, 2, 2],
      ['a', 2, 3, 1],
    ]);
  });

  it('takes commits on the head before those below it are durable; all become durable in their order', async () => {
    const store = await create();
    const told: number[] = [];
    store.watch(({ before, after, changes }) => {
      told.push(after.revision);
      expect([after.revision - before.revision, changes.length, store.snapshot()]).toEqual([1, 1, after]);
    });
    const commits = Array.from({ length: 200 }, (_, n) => store.commit(store.head().revision, [put(n)]));
    expect([store.head().revision, store.snapshot().revision]).toEqual([200, 0]);
    const states = await Promise.all(commits);
    expect(states.map(({ revision }) => revision)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
    expect(states.map((state) => vpcs(state).length)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
    expect(told).toEqual(states.map(({ revision }) => revision));
    expect(store.snapshot()).toBe(store.head());
  });

  it('a commit of nothing waits until the head is durable', async () => {
    const store = await create();
    void store.commit(0, [put(1)]);
    const seen = await store.commit(1, []);
    expect([seen.revision, store.snapshot()]).toEqual([1, seen]);
  });

  it('records that come and go within one write leave nothing', async () => {
    const store = await create();
    await Promise.all([store.commit(0, [put(1), put(2)]), store.commit(1, [drop(1), put(2, { name: 'x' })]), store.commit(2, [put(3)])]);
    expect(vpcs(store.snapshot())).toEqual([vpcRecord(2, { name: 'x' }), vpcRecord(3)]);
  });

  it('holds 10,000 records written in one commit, and finds them by index', async () => {
    const store = await create();
    const after = await store.commit(
      0,
      Array.from({ length: 10_000 }, (_, n) => put(n)),
    );
    expect([...after.all('vpc')]).toHaveLength(10_000);
    expect(after.get('vpc', vpcRecord(9_999).vpcId)).toEqual(vpcRecord(9_999));
  });

  it('refuses commits once closed; those before are done', async () => {
    const store = await create();
    const last = store.commit(0, [put(1)]);
    await Promise.all([store.close(), store.close()]);
    expect((await last).revision).toBe(1);
    await expect(store.commit(1, [put(2)])).rejects.toBeInstanceOf(StoreFault);
  });
});

describe('memory store', () => {
  it('starts from a given snapshot', async () => {
    const initial = await createMemoryStore().commit(0, [put(1)]);
    expect(createMemoryStore(initial).snapshot()).toBe(initial);
  });
});

describe('a write that fails', () => {
  /** A medium whose writes wait for `let`: of each, whether it succeeds. */
  const gated = () => {
    const writes: { revision: number; changes: readonly Change[]; end: (error?: Error) => void }[] = [];
    const medium: Medium = {
      write: (revision, changes) =>
        new Promise((resolve, reject) => writes.push({ revision, changes, end: (error) => (error ? reject(error) : resolve()) })),
      close: async () => undefined,
    };
    return { writes, store: new GroupCommitStore(Snapshot.empty, medium) };
  };

  it('fails all that it carries and all that was decided on it; the state is as before, and later commits go on', async () => {
    const { writes, store } = gated();
    const events: number[] = [];
    store.watch(({ after }) => events.push(after.revision));
    const first = store.commit(0, [put(1)]);
    await expect.poll(() => writes.length).toBe(1);
    const together = [store.commit(1, [put(2)]), store.commit(2, [put(3)]), store.commit(3, [])];
    writes[0]?.end();
    expect((await first).revision).toBe(1);
    await expect.poll(() => writes.length).toBe(2);
    expect([writes[1]?.revision, writes[1]?.changes.length]).toEqual([3, 2]);
    const above = store.commit(3, [put(4)]);
    writes[1]?.end(new StoreFault('full'));
    const outcomes = await Promise.allSettled([...together, above]);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.message)).toEqual(['full', 'full', 'full', 'full']);
    expect([store.head(), vpcs(store.snapshot())]).toEqual([store.snapshot(), [vpcRecord(1)]]);
    const after = store.commit(1, [put(5)]);
    await expect.poll(() => writes.length).toBe(3);
    writes[2]?.end();
    expect([vpcs(await after), events]).toEqual([
      [vpcRecord(1), vpcRecord(5)],
      [1, 2],
    ]);
  });

  it('is told with what leads back, to those who had been told of what was accepted', async () => {
    const { writes, store } = gated();
    const told: [number, number, unknown][] = [];
    store.watchHead(({ before, after, changes }) => told.push([before.revision, after.revision, changes]));
    const first = store.commit(0, [put(1)]);
    expect(told).toEqual([[0, 1, [put(1)]]]);
    writes[0]?.end();
    await first;
    const failing = [store.commit(1, [put(1, { name: 'x' })]), store.commit(2, [put(2)])];
    expect(told.slice(1)).toEqual([
      [1, 2, [put(1, { name: 'x' })]],
      [2, 3, [put(2)]],
    ]);
    writes[1]?.end(new StoreFault('full'));
    await Promise.allSettled(failing);
    expect(told.slice(3)).toEqual([[3, 1, [put(1), drop(2)]]]);
  });

  it('what came while another write was under way shares the next one', async () => {
    const { writes, store } = gated();
    const commits = [store.commit(0, [put(0)])];
    await expect.poll(() => writes.length).toBe(1);
    for (let n = 1; n < 50; n++) {
      commits.push(store.commit(n, [put(n)]));
      await new Promise(setImmediate);
    }
    writes[0]?.end();
    await expect.poll(() => writes.length).toBe(2);
    writes[1]?.end();
    expect((await Promise.all(commits)).at(-1)?.revision).toBe(50);
    await store.close();
    expect(writes).toHaveLength(2);
  });
});

describe('embedded store on disk', () => {
  it('is the same after it was closed and opened again', async () => {
    const store = await open();
    const odd = '\u0000"\\/☃\ud83d\ude00$(reboot)`\n';
    await store.commit(0, [put(1, { [odd]: odd }), put(2)]);
    const token = {
      tokenId: `createVpc ${odd}`,
      digest: 'd',
      result: { a: [1, null, { b: odd }] },
      createTime: '2024-01-01T00:00:00.000Z',
    };
    const last = await store.commit(1, [drop(2), { kind: 'clientToken', id: token.tokenId, record: token }]);
    await store.close();
    const again = (await open()).snapshot();
    expect([again.revision, vpcs(again), [...again.all('clientToken')]]).toEqual([2, vpcs(last), [token]]);
  });

  it('keeps directory and files from other users', async () => {
    await (await open(`${dir}/a/b`)).commit(0, [put(1)]);
    expect(statSync(`${dir}/a/b`).mode & 0o777).toBe(0o700);
    expect(readdirSync(`${dir}/a/b`).map((name) => statSync(`${dir}/a/b/${name}`).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
    const loose = `${dir}/loose`;
    mkdirSync(loose);
    chmodSync(loose, 0o777);
    await open(loose);
    expect(statSync(loose).mode & 0o777).toBe(0o700);
  });

  it('goes on after a commit that the medium refused', async () => {
    const store = await open();
    await store.commit(0, [put(1)]);
    const tooLongKey: Change = { kind: 'vpc', id: 'x'.repeat(5000), record: vpcRecord(7) };
    // The first one is being written when the others arrive.
    const group = [store.commit(1, [put(2)]), store.commit(2, [put(4), tooLongKey]), store.commit(3, [put(5)])];
    const outcomes = await Promise.allSettled(group);
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason instanceof StoreFault : 'done'))).toEqual([
      'done',
      true,
      true,
    ]);
    expect(vpcs(store.snapshot())).toEqual([vpcRecord(1), vpcRecord(2)]);
    await store.commit(2, [put(3)]);
    await store.close();
    expect(vpcs((await open()).snapshot())).toEqual([vpcRecord(1), vpcRecord(2), vpcRecord(3)]);
  });
});

describe('embedded store refuses', () => {
  const fault = async (dataDir = dir) => {
    const error = await open(dataDir).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(StoreFault);
    return (error as StoreFault).message;
  };

  it('a directory in use, naming the process; and takes it once that one ended', async () => {
    const first = await open();
    expect(await fault()).toMatch(new RegExp(`in use by process ${process.pid}`));
    await first.close();
    expect((await open()).snapshot().revision).toBe(0);
  });

  it('a symbolic link', async () => {
    mkdirSync(`${dir}/real`, { mode: 0o700 });
    symlinkSync(`${dir}/real`, `${dir}/link`);
    expect(await fault(`${dir}/link`)).toMatch(/symbolic link/);
    writeFileSync(`${dir}/elsewhere`, '');
    symlinkSync(`${dir}/elsewhere`, `${dir}/real/store.mdb`);
    expect(await fault(`${dir}/real`)).toMatch(/not a regular file/);
  });

  it('a shared directory that holds other things, without closing it', async () => {
    chmodSync(dir, 0o777);
    writeFileSync(`${dir}/other`, '');
    expect(await fault()).toMatch(/other users/);
    expect(statSync(dir).mode & 0o777).toBe(0o777);
  });

  const damage: readonly (readonly [string, (file: Buffer) => Buffer])[] = [
    ['random bytes', (file) => Buffer.from(file.map((_, n) => (n * 7919 + (n >> 3)) & 0xff))],
    ['a truncated file', (file) => file.subarray(0, file.length >> 1)],
    ['zeroed pages', (file) => Buffer.concat([file.subarray(0, 8192), Buffer.alloc(file.length - 8192)])],
    ['a changed letter in a record', (file) => Buffer.from(file.toString('latin1').replaceAll('10.0.0.0/16', '10.9.0.0/16'), 'latin1')],
    ['pages of ones', (file) => Buffer.concat([file.subarray(0, file.length - 16384), Buffer.alloc(16384, 0xff)])],
  ];
  it.each(damage)('a damaged file: %s', async (_name, spoil) => {
    const store = await open();
    for (let n = 0; n < 60; n++) await store.commit(n, [put(n, { padding: 'x'.repeat(500) })]);
    await store.close();
    const path = `${dir}/store.mdb`;
    writeFileSync(path, spoil(readFileSync(path)));
    expect(await fault()).toMatch(/store\.mdb: .*damaged/);
    rmSync(path);
    expect((await open()).snapshot().revision).toBe(0);
  });
});

describe.runIf(process.getuid?.() === 0)('embedded store on a bad medium', () => {
  let writer: { path: string; remove: () => void };
  beforeAll(() => {
    writer = compile('test/support/store-writer.ts');
  });
  afterAll(() => writer.remove());
  /** Runs the writer on a small file system of its own, set up by `prepare`; its output and complaints. */
  const onTmpfs = (size: string, prepare: string) => {
    const script = `mount --make-rprivate / && mount -t tmpfs -o size=${size},mode=700 none "$1" && cd "$1" && ${prepare} && cd / && exec timeout 30 "$2" "$3" "$1" 2>&1`;
    try {
      return execFileSync('unshare', ['-m', 'sh', '-c', script, 'sh', dir, process.execPath, writer.path], { encoding: 'utf8' });
    } catch (error) {
      return String((error as { stdout: unknown }).stdout);
    }
  };

  it.each([
    ['a full disk at the start', '1m', 'head -c 1m /dev/zero > fill || true', /StoreFault: .*no space/],
    ['a disk that fills', '1m', 'true', /^50\n.*StoreFault: .*revision \d+ could not be written, nothing was changed: no space/ms],
    ['a read-only file system', '1m', 'mount -o remount,ro "$1"', /StoreFault: .*read-only/],
  ])('%s is a fault in words', (_name, size, prepare, said) => {
    expect(onTmpfs(size, prepare)).toMatch(said);
  });
});

describe('embedded store after SIGKILL', () => {
  let writer: { path: string; remove: () => void };
  beforeAll(() => {
    writer = compile('test/support/store-writer.ts');
  });
  afterAll(() => writer.remove());

  /** Starts a writer and kills it at its `count`-th acknowledgement, plus a moment; the last revision it acknowledged. */
  const killAfter = async (count: number, moment: number): Promise<number> => {
    const child: ChildProcess = spawn(process.execPath, [writer.path, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'close');
    let last = 0;
    let lines = 0;
    if (!child.stdout) throw new Error('no output');
    for await (const line of createInterface({ input: child.stdout })) {
      last = Number(line);
      lines += 1;
      if (lines === count) setTimeout(() => child.kill('SIGKILL'), moment);
    }
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
    return last;
  };

  it('has everything acknowledged and nothing in part, thirty-two times over', { timeout: 120_000 }, async () => {
    for (let round = 0; round < 32; round++) {
      const acknowledged = await killAfter(1 + round * 3, (round * 0.37) % 2);
      const store = await open();
      const { revision } = store.snapshot();
      expect(revision).toBeGreaterThanOrEqual(acknowledged);
      // At most the group of commits that was under way.
      expect(revision).toBeLessThanOrEqual(acknowledged + 3);
      const serials = new Set(
        vpcs(store.snapshot())
          .slice(0, 5)
          .map((vpc) => vpc.tags.serial),
      );
      expect(serials).toEqual(new Set([String(revision)]));
      expect(vpcs(store.snapshot())).toHaveLength(5 + revision);
      await store.close();
    }
    expect(existsSync(`${dir}/store.mdb`)).toBe(true);
  });
});
