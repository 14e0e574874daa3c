import { describe, expect, it } from 'vitest';
import { DEVICE_NAME, type HostDevice, outage, unfitness } from '../../../agent/model/parent-device.js';

const ETH1: HostDevice = {
  name: 'eth1',
  up: true,
  running: true,
  mtu: 1500,
  isEthernet: true,
  isLoopback: false,
  isWireless: false,
  isOurs: false,
};

describe('which devices can carry interfaces', () => {
  it.each([
    ['an Ethernet device', {}, undefined],
    ['one that is down: that may pass', { up: false, running: false }, undefined],
    ['loopback', { isLoopback: true, isEthernet: false }, /loopback/],
    ['one of ours', { isOurs: true }, /enid's own/],
    ['a tunnel', { isEthernet: false }, /no Ethernet/],
    ['wireless', { isWireless: true }, /wireless.*MAC/],
    ['a port of a bridge', { master: 'br0' }, /port of br0; name br0/],
  ] as const)('%s', (_name, fields, fault) => {
    const said = unfitness('eth1', { ...ETH1, ...fields });
    if (fault === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(fault);
  });

  it('not one that is not there', () => expect(unfitness('eth7', undefined)).toMatch(/no device eth7/));

  it.each([
    ['up, with a carrier', {}, undefined],
    ['down', { up: false, running: false }, /is down.*ip link set eth1 up/],
    ['unplugged', { running: false }, /no carrier/],
  ] as const)('outage: %s', (_name, fields, fault) => {
    const said = outage({ ...ETH1, ...fields });
    if (fault === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(fault);
  });

  it.each([
    ['eth1.100', true],
    ['enp0s31f6', true],
    ['', false],
    ['.', false],
    ['..', false],
    ['a/b', false],
    ['eth0 eth1', false],
    ['x'.repeat(16), false],
    ['e"t', false],
  ] as const)('name %j: %s', (name, good) => expect(DEVICE_NAME.test(name)).toBe(good));
});
