import { describe, expect, it } from 'vitest';
import { metadataListeners, metadataUnit, metadataVpcId } from '../../../agent/planner/metadata.js';
import { planUnit } from '../../../agent/planner/plan.js';
import { affectedUnits, allUnits, unitNamespaces, unitNeeds } from '../../../agent/planner/units.js';
import { HOST, SETTINGS, WorldBuilder } from '../../support/builders.js';

function lab(ipv6Range?: string) {
  const world = new WorldBuilder();
  const vpc = world.vpc(ipv6Range === undefined ? {} : { ipv6Range });
  const subnet = world.subnet(vpc);
  const eni = world.networkInterface(subnet, '10.0.1.10', { to: world.instance(vpc) });
  return { world, vpc, subnet, eni, unit: metadataUnit(vpc.vpcId) };
}

describe('the metadata service of a VPC', () => {
  it.each([
    ['without IPv6', undefined, ['169.254.169.254/32']],
    ['with IPv6', 'fd00:1::/56', ['169.254.169.254/32', 'fd00:ec2::254/128']],
  ] as const)('has its addresses in the router: %s', (_name, range, addresses) => {
    const { world, vpc, unit } = lab(range);
    const planned = planUnit(world.snapshot(), SETTINGS, unit);
    expect(planned).toEqual(addresses.map((address) => ({ kind: 'address', netns: vpc.vpcId, device: 'lo', address })));
    expect(metadataListeners(world.snapshot(), HOST, unit).map(({ netns, address }) => [netns, address])).toEqual(
      addresses.map((address) => [vpc.vpcId, address.split('/')[0]]),
    );
  });

  it('needs the router, and is a unit while that one is there', () => {
    const { world, vpc, eni, unit } = lab();
    expect(metadataVpcId(unit)).toBe(vpc.vpcId);
    expect(metadataVpcId('dns-0123456789abcdef0')).toBeUndefined();
    expect([...allUnits(world.snapshot(), HOST)]).toContain(unit);
    expect(unitNeeds(world.snapshot(), unit)).toEqual([vpc.vpcId]);
    expect(unitNamespaces(world.snapshot(), unit)).toEqual([vpc.vpcId]);
    const event = world.commit(() => world.detach(eni));
    expect(affectedUnits(event, HOST)).toContain(unit);
    expect(planUnit(event.after, SETTINGS, unit)).toEqual([]);
    expect(metadataListeners(event.after, HOST, unit)).toEqual([]);
  });

  it('follows the IPv6 range of the VPC, and nothing else of it', () => {
    const { world, vpc, unit } = lab();
    const named = world.commit(() => world.put('vpc', { ...vpc, tags: { Name: 'x' } }));
    expect(affectedUnits(named, HOST)).not.toContain(unit);
    const event = world.commit(() => world.put('vpc', { ...vpc, ipv6: { associationId: 'a', cidrBlock: 'fd00:2::/56' } }));
    expect(affectedUnits(event, HOST)).toContain(unit);
  });
});
