import type { LabPlan } from './plan.js';
import { pathTo } from './steps.js';
import type { ElasticAddress } from './wire.js';

/** Elastic addresses, and which interface has which. That of a NAT gateway is associated by the gateway. */
export function planElasticAddresses(plan: LabPlan): void {
  for (const [name, found] of plan.gone('elasticAddresses')) {
    if (found.association && !isOfNatGateway(plan, found)) disassociate(plan, name, found);
    plan.delete('release addresses', 'elasticAddresses', name, found.allocationId);
  }
  for (const [name, wanted] of plan.missing('elasticAddresses')) {
    plan.create('elastic addresses', 'elasticAddresses', name, { publicIp: wanted.publicIp });
    if (wanted.interface !== undefined) associate(plan, name, wanted.interface, wanted.address);
  }
  for (const { name, wanted, found } of plan.kept('elasticAddresses')) {
    if (wanted.natGateway !== undefined) {
      // As its gateway is made anew it needs the address free; that of a gateway that stays is its own.
      if (found.association && !isOfNatGateway(plan, found)) disassociate(plan, name, found);
      continue;
    }
    const { interface: owner, address } = wanted;
    const interfaceId = owner === undefined ? undefined : plan.knownId('interfaces', owner);
    const primary = owner === undefined ? undefined : primaryOf(plan, owner);
    const { association } = found;
    const isThere =
      association !== undefined && association.networkInterfaceId === interfaceId && association.privateIpAddress === (address ?? primary);
    if (isThere) continue;
    // Between interfaces that stay it moves in one call, without a gap.
    const moves = owner !== undefined && association !== undefined && staysAt(plan, association.networkInterfaceId);
    if (association && !moves && !isOfNatGateway(plan, found)) disassociate(plan, name, found);
    if (owner !== undefined) associate(plan, name, owner, address);
  }
}

function primaryOf(plan: LabPlan, owner: string): string | undefined {
  return plan.current.interfaces.get(owner)?.privateIpAddresses.find((address) => address.primary)?.privateIpAddress;
}

const staysAt = (plan: LabPlan, networkInterfaceId: string): boolean =>
  plan.kept('interfaces').some(({ found }) => found.networkInterfaceId === networkInterfaceId);

function isOfNatGateway({ current }: LabPlan, { allocationId, association }: ElasticAddress): boolean {
  return [...current.natGateways.values()].some(({ natGatewayAddresses: [own] }) => {
    return own?.allocationId === allocationId || own?.networkInterfaceId === association?.networkInterfaceId;
  });
}

function associate(plan: LabPlan, name: string, owner: string, address: string | undefined): void {
  plan.change('associate', 'elasticAddresses', name, `to ${address === undefined ? owner : `${address} of ${owner}`}`, {
    method: 'POST',
    path: pathTo('address', plan.id('elasticAddresses', name), 'associate'),
    body: { networkInterfaceId: plan.id('interfaces', owner), privateIpAddress: address, allowReassociation: true },
  });
}

function disassociate(plan: LabPlan, name: string, { association }: ElasticAddress): void {
  if (!association) return;
  plan.change('disassociate', 'elasticAddresses', name, 'take it away', {
    method: 'DELETE',
    path: [`/v1/elastic-ip-associations/${encodeURIComponent(association.associationId)}`],
  });
}
