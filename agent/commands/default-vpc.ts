import { z } from 'zod';
import { cidr, fromBigInt, overlaps } from '../model/address.js';
import { apiError } from '../model/errors.js';
import type { Vpc } from '../model/vpc.js';
import { type CommandContext, command } from './command.js';
import type { Draft } from './draft.js';
import { attachInternetGateway, createInternetGateway } from './internet-gateways.js';
import { required } from './lookup.js';
import { createRoute } from './routes.js';
import { createSubnet } from './subnets.js';
import { createVpc } from './vpcs.js';

/** @see https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html */
const RANGE = '172.31.0.0/16';
const SUBNETS = 16n;

export const createDefaultVpc = command({
  summary: 'Create the default VPC: a subnet with public addresses in every zone, an internet gateway and a route to it.',
  input: z.strictObject({}),
  run: (draft, _input, context) => {
    const other = standard(draft);
    if (other)
      throw apiError('DefaultVpcAlreadyExists', { reason: `A Default VPC already exists for this account in this region: ${other.vpcId}` });
    const { vpcId } = createVpc.run(draft, { cidrBlock: RANGE }, context);
    const vpc = draft.put('vpc', { ...required(draft, 'vpc', vpcId), isDefault: true, enableDnsHostnames: true });
    for (const zone of context.zones) addSubnet(draft, vpc, zone, context);
    const { internetGatewayId } = createInternetGateway.run(draft, {}, context);
    attachInternetGateway.run(draft, { internetGatewayId, vpcId }, context);
    createRoute.run(draft, { routeTableId: vpc.mainRouteTableId, destination: '0.0.0.0/0', gatewayId: internetGatewayId }, context);
    return { vpcId };
  },
});

export const createDefaultSubnet = command({
  summary: 'Create a subnet in the default VPC that launches in its zone use.',
  input: z.strictObject({ availabilityZone: z.string().describe('A zone that has none.') }),
  run: (draft, { availabilityZone }, context) => {
    const vpc = standard(draft);
    if (!vpc) throw apiError('DefaultVpcDoesNotExist', {});
    const other = draft
      .by('subnet', 'vpcId', vpc.vpcId)
      .find((subnet) => subnet.defaultForAz && subnet.availabilityZone === availabilityZone);
    if (other)
      throw apiError('DefaultSubnetAlreadyExistsInAvailabilityZone', {
        reason: `A default subnet already exists in ${availabilityZone}: ${other.subnetId}`,
      });
    return { subnetId: addSubnet(draft, vpc, availabilityZone, context) };
  },
});

function standard(draft: Draft): Vpc | undefined {
  return draft.all('vpc').find((vpc) => vpc.isDefault);
}

/** A /20 that no other subnet overlaps. @throws {ApiError} InvalidSubnet.Conflict */
function addSubnet(draft: Draft, vpc: Vpc, availabilityZone: string, context: CommandContext) {
  const outer = cidr(vpc.cidrBlock);
  const taken = draft.by('subnet', 'vpcId', vpc.vpcId).map((subnet) => cidr(subnet.cidrBlock));
  for (let i = 0n; i < SUBNETS; i++) {
    const cidrBlock = `${fromBigInt(4, outer.base + (i << 12n))}/20`;
    if (taken.some((range) => overlaps(range, cidr(cidrBlock)))) continue;
    const { subnetId } = createSubnet.run(draft, { vpcId: vpc.vpcId, cidrBlock, availabilityZone, mapPublicIpOnLaunch: true }, context);
    draft.put('subnet', { ...required(draft, 'subnet', subnetId), defaultForAz: true });
    return subnetId;
  }
  throw apiError('InvalidSubnet.Conflict', { reason: `Every /20 of ${vpc.vpcId}'s ${vpc.cidrBlock} overlaps a subnet` });
}
