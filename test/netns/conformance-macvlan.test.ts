import { beforeAll } from 'vitest';
import { inside } from '../support/traffic.js';
import { makeWire, PARENT } from '../support/wire.js';
import { conformance } from './conformance.js';

beforeAll(makeWire);

conformance({
  name: 'macvlan',
  subnet: { parentDevice: PARENT },
  hopsWithinSubnet: 0,
  // The MAC can be on one device of a wire at a time: the old one goes before the new one comes.
  lostInMove: 25,
  ipv6PrefixLength: 64,
  enforcement: { securityGroups: 'instance namespace', sourceDestCheck: 'parent device' },
  disarm: (instanceId) => inside(instanceId, 'nft', 'flush', 'ruleset'),
});
