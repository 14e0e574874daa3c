import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Snapshot } from '../../agent/model/snapshot.js';
import { openEmbeddedStore } from '../../agent/store/embedded.js';
import { GroupCommitStore } from '../../agent/store/group-commit.js';
import { type Store, StoreFault } from '../../agent/store/store.js';
import { makeNetwork, startApi, type TestApi } from '../support/api.js';

const INTERFACES = '/v1/network-interfaces';
let api: TestApi;
afterEach(() => api.close());

describe('200 clients at once, on disk', () => {
  let dataDir: string;
  let store: Store;
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'enid-concurrency-'));
    store = await openEmbeddedStore({ dataDir });
    api = await startApi({ store });
  });
  afterEach(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('create, change and delete interfaces with no fault, no address given twice and no update lost', async () => {
    const { subnetId } = await makeNetwork(api, '10.0.0.0/16', '10.0.0.0/20');
    const kept = await Promise.all(
      Array.from({ length: 200 }, async (_, client) => {
        for (let round = 0; round < 2; round++) {
          const { networkInterfaceId } = await api.ok('POST', INTERFACES, { subnetId });
          await api.ok('DELETE', `${INTERFACES}/${networkInterfaceId}`);
        }
        const { networkInterfaceId } = await api.ok('POST', INTERFACES, { subnetId, description: `client ${client}` });
        return networkInterfaceId as string;
      }),
    );
    // All on one record: each adds an address of its own, half of them take it back.
    const [shared = ''] = kept;
    const one = `${INTERFACES}/${shared}`;
    const addresses = Array.from({ length: 40 }, (_, n) => `10.0.8.${n + 4}`);
    await Promise.all(
      addresses.map(async (address, n) => {
        await api.ok('POST', `${one}/assign-private-ip-addresses`, { privateIpAddresses: [address] });
        if (n % 2) await api.ok('POST', `${one}/unassign-private-ip-addresses`, { privateIpAddresses: [address] });
      }),
    );
    await store.close();
    store = await openEmbeddedStore({ dataDir });
    const found = store.snapshot().all('networkInterface');
    expect(new Set(found.map((eni) => eni.networkInterfaceId))).toEqual(new Set(kept));
    expect(new Set(found.map((eni) => eni.description)).size).toBe(200);
    const held = found.flatMap((eni) => eni.privateIpAddresses);
    expect(new Set(held).size).toBe(held.length);
    const secondary = store.snapshot().get('networkInterface', shared)?.privateIpAddresses.slice(1) ?? [];
    expect(new Set(secondary)).toEqual(new Set(addresses.filter((_, n) => n % 2 === 0)));
    expect(store.snapshot().revision).toBe(2 + 200 * 5 + 40 + 20);
  });

  it('one of many that want the same address has it, the others are told who', async () => {
    const { subnetId } = await makeNetwork(api);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => api.call('POST', INTERFACES, { subnetId, privateIpAddress: '10.0.1.9' })),
    );
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    const refused = answers.filter(({ body }) => body.error?.code === 'InvalidIPAddress.InUse');
    expect(refused).toHaveLength(49);
    expect(refused.every(({ body }) => body.error.message.includes(made[0]?.body.networkInterfaceId))).toBe(true);
  });

  it('creates with one token, sent many times at once, make one interface', async () => {
    const { subnetId } = await makeNetwork(api);
    const sent = Array.from({ length: 50 }, () => api.ok('POST', INTERFACES, { subnetId, clientToken: 'once' }));
    expect(new Set((await Promise.all(sent)).map((eni) => eni.networkInterfaceId)).size).toBe(1);
    expect(store.snapshot().all('networkInterface')).toHaveLength(1);
  });
});

describe('a disk that takes nothing for a while', () => {
  it('makes no answer true that rests on what was lost: neither a success nor a refusal', async () => {
    let isFull = false;
    const store = new GroupCommitStore(Snapshot.empty, {
      write: async () => {
        if (isFull) throw new StoreFault('full');
      },
      close: async () => undefined,
    });
    api = await startApi({ store, expectsFaults: true });
    const { subnetId } = await makeNetwork(api);
    const eni = await api.ok('POST', INTERFACES, { subnetId });
    const before = store.snapshot();
    isFull = true;
    const path = `${INTERFACES}/${eni.networkInterfaceId}`;
    const answers = await Promise.all([
      api.call('DELETE', path),
      // It is gone for those that come after, unless the deletion fails.
      api.call('DELETE', path),
      api.call('POST', INTERFACES, { subnetId, clientToken: 'a' }),
      // Answered from the first one's outcome.
      api.call('POST', INTERFACES, { subnetId, clientToken: 'a' }),
      api.call('POST', INTERFACES, { subnetId, clientToken: 'a', description: 'other' }),
    ]);
    expect(answers.map(({ status, body }) => [status, body.error.code])).toEqual(answers.map(() => [503, 'ServiceUnavailable']));
    expect(store.snapshot()).toBe(before);
    isFull = false;
    await api.ok('DELETE', path);
    expect((await api.call('DELETE', path)).status).toBe(404);
  });
});
