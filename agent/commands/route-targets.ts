import { z } from 'zod';
import type { Cidr } from '../model/address.js';
import { apiError, invalidValue } from '../model/errors.js';
import { isId } from '../model/ids.js';
import type { RouteTable, RouteTarget } from '../model/route-table.js';
import type { Draft } from './draft.js';
import { egressOnlyInternetGatewayId, instanceId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId } from './fields.js';
import { onlyInterface } from './instances.js';
import { notFound, required, requiredInstance } from './lookup.js';

/** Targets of routes as callers name them; a route has exactly one. */
export const targetFields = {
  gatewayId: z
    .string()
    .optional()
    .describe('Target: an internet gateway or a virtual private gateway attached to the VPC; local puts a replaced local route back.'),
  natGatewayId: natGatewayId.optional().describe('Target: a NAT gateway of the VPC; IPv4.'),
  egressOnlyInternetGatewayId: egressOnlyInternetGatewayId.optional().describe('Target: an egress-only internet gateway of the VPC; IPv6.'),
  networkInterfaceId: networkInterfaceId.optional().describe('Target: a network interface of the VPC.'),
  instanceId: instanceId.optional().describe('Target: an instance with one interface.'),
  vpcPeeringConnectionId: vpcPeeringConnectionId.optional().describe('Target: a peering connection of the VPC.'),
};
type TargetName = keyof typeof targetFields;
export type TargetInput = { readonly [N in TargetName]?: string | undefined };

const NAMES = Object.keys(targetFields) as TargetName[];

/**
 * The target that the input names, fit for a route of the table.
 * @throws {ApiError} MissingParameter, InvalidParameterCombination, InvalidParameterValue, IncorrectState, InvalidInstanceID, a `.NotFound` code
 */
export function targetOf(draft: Draft, table: RouteTable, range: Cidr, input: TargetInput): RouteTarget {
  const [name, ...more] = NAMES.filter((each) => input[each] !== undefined);
  if (name === undefined) throw apiError('MissingParameter', { name: NAMES.join(' or ') });
  if (more.length > 0)
    throw apiError('InvalidParameterCombination', {
      reason: `Exactly one route target must be given, not ${[name, ...more].join(' and ')}`,
    });
  return MAKERS[name]({ draft, table, range }, input[name] ?? '');
}

interface Place {
  readonly draft: Draft;
  readonly table: RouteTable;
  readonly range: Cidr;
}

const MAKERS: { readonly [N in TargetName]: (place: Place, id: string) => RouteTarget } = {
  gatewayId: (place, gatewayId) => {
    if (gatewayId === 'local') return { kind: 'local' };
    const { draft } = place;
    const kind = isId('internetGateway', gatewayId) ? 'internetGateway' : isId('vpnGateway', gatewayId) ? 'vpnGateway' : undefined;
    const gateway = kind && draft.get(kind, gatewayId);
    if (!gateway) throw apiError('InvalidGatewayID.NotFound', { id: gatewayId });
    checkNetwork(place, 'network gateway', gatewayId, gateway.vpcId);
    if (kind === 'vpnGateway') checkFamily(place, 4, 'virtual private gateway');
    return { kind: 'gateway', gatewayId };
  },
  natGatewayId: (place, id) => {
    const gateway = required(place.draft, 'natGateway', id);
    if (gateway.state !== 'available') throw notFound('natGateway', id);
    checkNetwork(place, 'NAT gateway', id, gateway.vpcId);
    checkFamily(place, 4, 'NAT gateway');
    return { kind: 'natGateway', natGatewayId: id };
  },
  egressOnlyInternetGatewayId: (place, id) => {
    checkNetwork(place, 'egress-only internet gateway', id, required(place.draft, 'egressOnlyInternetGateway', id).vpcId);
    checkFamily(place, 6, 'egress-only internet gateway');
    return { kind: 'egressOnlyInternetGateway', egressOnlyInternetGatewayId: id };
  },
  networkInterfaceId: (place, id) => {
    const eni = required(place.draft, 'networkInterface', id);
    checkNetwork(place, 'network interface', id, eni.vpcId);
    if (eni.requesterManaged) throw invalidValue(`${id} is managed by ${eni.requesterId}; name that as the target`);
    return { kind: 'networkInterface', networkInterfaceId: eni.networkInterfaceId };
  },
  instanceId: (place, id) => {
    const eni = onlyInterface(place.draft, requiredInstance(place.draft, id).instanceId);
    checkNetwork(place, 'network interface', eni.networkInterfaceId, eni.vpcId);
    return { kind: 'networkInterface', networkInterfaceId: eni.networkInterfaceId };
  },
  vpcPeeringConnectionId: ({ draft, table }, id) => {
    const { requesterVpcId, accepterVpcId, status } = required(draft, 'vpcPeeringConnection', id);
    if (table.vpcId !== requesterVpcId && table.vpcId !== accepterVpcId)
      throw differ(table, 'VPC peering connection', id, `${requesterVpcId} with ${accepterVpcId}`);
    if (status !== 'active' && status !== 'pending-acceptance')
      throw apiError('IncorrectState', { reason: `${id} is ${status}; a route needs a VPC peering connection that is active, or may be` });
    return { kind: 'vpcPeeringConnection', vpcPeeringConnectionId: id };
  },
};

function checkNetwork({ table }: Place, noun: string, id: string, vpcId: string | undefined): void {
  if (vpcId !== table.vpcId) throw differ(table, noun, id, vpcId ?? 'none');
}

function differ(table: RouteTable, noun: string, id: string, where: string) {
  return invalidValue(`route table ${table.routeTableId} and ${noun} ${id} belong to different networks: ${table.vpcId} and ${where}`);
}

function checkFamily({ range }: Place, family: 4 | 6, noun: string): void {
  if (range.family !== family) throw invalidValue(`A route to ${range.text} cannot target a ${noun}: it takes IPv${family} only`);
}
