import { inside } from '../support/traffic.js';
import { conformance } from './conformance.js';

conformance({
  name: 'veth',
  subnet: {},
  hopsWithinSubnet: 1,
  lostInMove: 0,
  ipv6PrefixLength: 128,
  enforcement: { securityGroups: 'router', sourceDestCheck: 'router' },
  // Beyond the guest's reach.
  disarm: (_instanceId, vpcId) => inside(vpcId, 'nft', 'flush', 'ruleset'),
});
