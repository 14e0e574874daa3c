import { describe, expect, it } from 'vitest';
import { toBigInt } from '../../../agent/model/address.js';
import type { Change } from '../../../agent/model/snapshot.js';
import { city } from '../commands/world.js';

describe('snapshot', () => {
  it('knows which addresses are held, also when one goes from interface to interface in any order of changes', () => {
    const { world, eniId, create, vpcId } = city();
    const [from, to] = [world.eni(eniId), world.eni(create())];
    world.run('assignPrivateIpAddresses', { networkInterfaceId: eniId, privateIpAddresses: ['10.0.1.50'] });
    const isFree = (state: typeof world.state, address: string) =>
      state.addressUse.firstFree(vpcId, 4, toBigInt(address), toBigInt(address)) !== undefined;
    const changes: Change[] = [
      {
        kind: 'networkInterface',
        id: to.networkInterfaceId,
        record: { ...to, privateIpAddresses: [...to.privateIpAddresses, '10.0.1.50'] },
      },
      { kind: 'networkInterface', id: eniId, record: from },
    ];
    for (const order of [changes, [...changes].reverse()]) expect(isFree(world.state.with(99, order), '10.0.1.50')).toBe(false);
    const freed = world.state.with(99, [{ kind: 'networkInterface', id: eniId, record: undefined }]);
    expect(['10.0.1.50', '10.0.1.5', '10.0.1.6'].map((address) => isFree(freed, address))).toEqual([true, true, false]);
    expect(isFree(world.state, '10.0.1.50')).toBe(false);
  });

  it('shares the tables that did not change', () => {
    const { world, vpcId } = city();
    const after = world.state.with(99, [{ kind: 'vpc', id: vpcId, record: undefined }]);
    expect(after.revision).toBe(99);
    expect(after.tables.subnet).toBe(world.state.tables.subnet);
    expect(after.tables.vpc).not.toBe(world.state.tables.vpc);
    expect(after.get('vpc', vpcId)).toBeUndefined();
    expect(world.state.get('vpc', vpcId)).toBeDefined();
  });
});
