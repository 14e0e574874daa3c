import type { LabFile, LabInterface } from './schema.js';

/** What a lab file says in passing, as parts of their own: gateways of VPCs, addresses of interfaces, connections. Pure. */

export interface LabElasticAddress {
  readonly publicIp?: string | undefined;
  /** Interface that has it; absent: none, or the NAT gateway. */
  readonly interface?: string | undefined;
  readonly address?: string | undefined;
  readonly natGateway?: string;
}

export interface LabNatGateway {
  readonly subnet: string;
  /** Absent: a private one. */
  readonly elasticAddress?: string;
}

export interface DerivedParts {
  readonly internetGateways: Readonly<Record<string, { readonly vpc: string }>>;
  readonly egressOnlyGateways: Readonly<Record<string, { readonly vpc: string }>>;
  readonly elasticAddresses: Readonly<Record<string, LabElasticAddress>>;
  readonly natGateways: Readonly<Record<string, LabNatGateway>>;
  readonly vpnConnections: Readonly<Record<string, { readonly vpnGateway: string; readonly routes: readonly string[] }>>;
}

const entriesOf = Object.entries as <T>(record: Readonly<Record<string, T>>) => [string, T][];

/** Names that are given to what has none: of an interface's own elastic address, and of a NAT gateway's. */
export const addressName = (owner: string): string => `${owner}-public`;

/** With `interfaces` by name, also those written inside instances. */
export function deriveParts(file: LabFile, interfaces: Readonly<Record<string, LabInterface>>): DerivedParts {
  const gateways = (field: 'internet' | 'egressOnly', suffix: string) =>
    Object.fromEntries(
      entriesOf(file.vpcs).flatMap(([vpc, { [field]: said }]) =>
        said === undefined ? [] : [[said === true ? `${vpc}-${suffix}` : said, { vpc }]],
      ),
    );
  const elasticAddresses: Record<string, LabElasticAddress> = { ...file.elasticAddresses };
  for (const [name, { public: said }] of entriesOf(interfaces))
    if (said !== undefined) elasticAddresses[addressName(name)] = { interface: name, ...(said !== true && { publicIp: said }) };
  const natGateways: Record<string, LabNatGateway> = {};
  for (const [name, { subnet, elasticAddress = addressName(name), private: isPrivate }] of entriesOf(file.natGateways)) {
    natGateways[name] = isPrivate ? { subnet } : { subnet, elasticAddress };
    if (!isPrivate) elasticAddresses[elasticAddress] = { ...elasticAddresses[elasticAddress], natGateway: name };
  }
  return {
    internetGateways: gateways('internet', 'internet'),
    egressOnlyGateways: gateways('egressOnly', 'egress-only'),
    elasticAddresses,
    natGateways,
    vpnConnections: Object.fromEntries(
      entriesOf(file.customerGateways).map(([name, { vpnGateway, routes }]) => [name, { vpnGateway, routes }]),
    ),
  };
}
