import { INTERNET_NAMESPACE } from '../../kernel/resources.js';
import { cidr, nthAddress } from '../../model/address.js';
import { INTERNET_SERVERS, INTERNET_SERVERS_IPV6 } from '../../model/internet.js';
import type { LabEndpoint } from './checks.js';
import type { CurrentLab } from './current.js';
import { INTERNET } from './expect.js';
import type { Lab } from './load.js';
import { isOutside } from './references.js';

/** What lies outside the VPCs and is mentioned in the expectations: the internet's own web server, and hosts of customers' networks. */
export function* outsideEndpoints(lab: Lab, current: CurrentLab): Iterable<[name: string, endpoint: LabEndpoint]> {
  const mentioned = new Set(
    lab.expect.flatMap((line) => (line.kind === 'pairs' ? [...line.sources, ...line.targets].map(({ instance }) => instance) : [])),
  );
  for (const name of mentioned) {
    if (!isOutside(lab, name)) continue;
    const [range] = lab.customerGateways[name]?.routes ?? [];
    const gateway = current.customerGateways.get(name);
    if (range === undefined && name === INTERNET)
      yield [
        name,
        { namespace: INTERNET_NAMESPACE, outside: true, interfaces: [{ ipv4: INTERNET_SERVERS.http, ipv6: INTERNET_SERVERS_IPV6.http }] },
      ];
    else if (range !== undefined)
      yield [name, { namespace: gateway?.customerGatewayId ?? '(none)', outside: true, interfaces: [{ ipv4: hostOf(range) }] }];
  }
}

/** The address that the customer's router has in its network: the first host's. */
function hostOf(range: string): string {
  const { prefixLength, ...rest } = cidr(range);
  return nthAddress({ prefixLength, ...rest }, prefixLength >= 31 ? 0 : 1);
}
