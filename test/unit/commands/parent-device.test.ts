import { describe, expect, it } from 'vitest';
import { World } from './world.js';

function lab(parentFault?: World['context']['parentFault']) {
  const world = new World();
  world.context = { ...world.context, ...(parentFault && { parentFault }) };
  const { vpcId } = world.run('createVpc', { cidrBlock: '10.0.0.0/16' });
  const subnet = (cidrBlock: string, fields: object = {}) => ({ vpcId, cidrBlock, ...fields });
  const { subnetId } = world.run('createSubnet', subnet('10.0.1.0/24', { parentDevice: 'eth1' }));
  return { world, vpcId, subnet, subnetId };
}

describe('a subnet on a device of the host', () => {
  it.each([
    ['no name of a device', { parentDevice: 'eth0; reboot' }, 'InvalidParameterValue', /parentDevice/],
    ['a device that another subnet is on', { parentDevice: 'eth1' }, 'InvalidParameterValue', /subnet-.* is on it.*VLAN/],
    ['host access without a device', { hostAccess: true }, 'InvalidParameterCombination', /needs parentDevice/],
    ['a range outside of the VPC', { parentDevice: 'eth2', cidrBlock: '10.1.0.0/24' }, 'InvalidSubnet.Range', /within the VPC/],
  ] as const)('is refused with %s', (_name, fields, code, words) => {
    const { world, subnet } = lab();
    const error = world.refusal('createSubnet', subnet('10.0.2.0/24', fields));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(words);
  });

  it.each([
    ['cannot carry interfaces', { unsupported: false, reason: 'wlan0 is wireless' }, 'InvalidParameterValue'],
    ['needs what the kernel lacks', { unsupported: true, reason: 'This kernel has no macvlan devices' }, 'UnsupportedOperation'],
  ] as const)('is refused when the device %s', (_name, fault, code) => {
    const { world, subnet } = lab((device) => (device === 'eth1' ? undefined : fault));
    const error = world.refusal('createSubnet', subnet('10.0.2.0/24', { parentDevice: 'wlan0' }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(fault.reason);
  });

  it('frees the device when it is deleted', () => {
    const { world, subnet, subnetId } = lab();
    world.run('deleteSubnet', { subnetId });
    world.run('createSubnet', subnet('10.0.2.0/24', { parentDevice: 'eth1' }));
  });

  it('keeps the router’s number while it exists', () => {
    const { world, subnetId } = lab();
    const index = () => world.state.get('subnet', subnetId)?.parent?.combinationIndex;
    const record = () => world.state.all('groupCombination').find((combination) => combination.index === index());
    expect(record()).toMatchObject({ subnetId, groupIds: [] });
    world.run('forgetExpired');
    expect(record()).toMatchObject({ subnetId });
    world.run('deleteSubnet', { subnetId });
    world.run('forgetExpired');
    expect(record()).toBeUndefined();
  });

  it('takes no NAT gateway, and host access only with a device', () => {
    const { world, subnet, subnetId } = lab();
    expect(world.refusal('createNatGateway', { subnetId }).code).toBe('UnsupportedOperation');
    const plain = world.run('createSubnet', subnet('10.0.3.0/24'));
    expect(world.refusal('modifySubnet', { subnetId: plain.subnetId, hostAccess: true }).code).toBe('InvalidParameterCombination');
    world.run('modifySubnet', { subnetId, hostAccess: true });
    expect(world.state.get('subnet', subnetId)?.parent).toMatchObject({ device: 'eth1', hostAccess: true });
  });
});
