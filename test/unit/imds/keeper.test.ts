import { describe, expect, it } from 'vitest';
import { MetadataKeeper } from '../../../agent/imds/keeper.js';
import { idSchema } from '../../../agent/model/ids.js';
import type { MetadataListener } from '../../../agent/planner/metadata.js';

const UNIT = 'imds-00000000000000001';
const VPC = idSchema('vpc').parse('vpc-00000000000000001');
const on = (family: 4 | 6): MetadataListener => ({
  vpcId: VPC,
  netns: VPC,
  family,
  address: family === 4 ? '169.254.169.254' : 'fd00:ec2::254',
});

function lab() {
  const wanted = new Map([[UNIT, [on(4)]]]);
  const identities = new Map<string, string>([[VPC, '1:1']]);
  const open: string[] = [];
  const state = { fails: false };
  const keeper = new MetadataKeeper(
    (unit) => wanted.get(unit) ?? [],
    async ({ address }) => {
      if (state.fails) throw new Error('EADDRINUSE');
      const entry = `${address} in ${identities.get(VPC)}`;
      open.push(entry);
      return { close: () => void open.splice(open.indexOf(entry), 1) };
    },
    (netns) => identities.get(netns),
  );
  return { wanted, identities, open, state, keeper };
}

describe('listeners of the metadata service', () => {
  it('open, follow what is wanted, and close', async () => {
    const { wanted, open, keeper } = lab();
    await keeper.keep(UNIT);
    await keeper.keep(UNIT);
    expect(open).toEqual(['169.254.169.254 in 1:1']);
    expect([...keeper.drifted()]).toEqual([]);
    wanted.set(UNIT, [on(4), on(6)]);
    expect([...keeper.drifted()]).toEqual([UNIT]);
    await keeper.keep(UNIT);
    expect(open).toEqual(['169.254.169.254 in 1:1', 'fd00:ec2::254 in 1:1']);
    wanted.delete(UNIT);
    expect(keeper.concerned([UNIT, 'dns-1', VPC])).toEqual([UNIT]);
    await keeper.keep(UNIT);
    expect(open).toEqual([]);
    expect(keeper.concerned([UNIT])).toEqual([]);
  });

  it('open anew in a namespace that replaced theirs', async () => {
    const { identities, open, keeper } = lab();
    await keeper.keep(UNIT);
    identities.set(VPC, '1:2');
    expect([...keeper.drifted()]).toEqual([UNIT]);
    await keeper.keep(UNIT);
    expect(open).toEqual(['169.254.169.254 in 1:2']);
  });

  it('let go of a namespace that ends', async () => {
    const { open, keeper } = lab();
    await keeper.keep(UNIT);
    await keeper.endIn('vpc-00000000000000002');
    expect(open).toHaveLength(1);
    await keeper.endIn(VPC);
    expect(open).toEqual([]);
  });

  it('a fault is told, and what is open stays open', async () => {
    const { wanted, open, state, keeper } = lab();
    await keeper.keep(UNIT);
    wanted.set(UNIT, [on(4), on(6)]);
    state.fails = true;
    await expect(keeper.keep(UNIT)).rejects.toThrow('EADDRINUSE');
    expect(open).toEqual(['169.254.169.254 in 1:1']);
    state.fails = false;
    await keeper.keep(UNIT);
    expect(open).toHaveLength(2);
  });
});
