import { z } from 'zod';
import { Ipv4 } from '../model/address.js';
import { apiError } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import { primaryAddress } from '../model/network-interface.js';
import { idempotent } from './client-token.js';
import { command } from './command.js';
import { unassociatedAddress } from './elastic-ips.js';
import { allocationId, clientToken, natGatewayId, subnetId, tags } from './fields.js';
import { putNewInterface } from './interface-spec.js';
import { checkInternetGateway } from './internet-gateways.js';
import { notFound, required } from './lookup.js';
import { newAssociation } from './public-addresses.js';
import { checkTags } from './tags.js';

export const createNatGateway = idempotent(
  'createNatGateway',
  command({
    summary: 'Create a NAT gateway in a subnet, with an interface of its own.',
    input: z.strictObject({
      subnetId,
      connectivityType: z
        .enum(['public', 'private'])
        .optional()
        .describe("public: towards the internet, under an elastic address; private: under the interface's own address. Default public."),
      allocationId: allocationId.optional().describe('The elastic address; needed when public.'),
      privateIpAddress: Ipv4.optional().describe("The interface's address. Default: the lowest free one."),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const subnet = required(draft, 'subnet', input.subnetId);
      if (subnet.parent)
        throw apiError('UnsupportedOperation', {
          reason: `${subnet.subnetId} is on the host's device ${subnet.parent.device}; create the NAT gateway in a subnet that is not, and route to it`,
        });
      const connectivityType = input.connectivityType ?? 'public';
      if (connectivityType === 'private' && input.allocationId !== undefined)
        throw apiError('InvalidParameterCombination', { reason: 'A private NAT gateway has no elastic address; leave allocationId out' });
      if (connectivityType === 'public' && input.allocationId === undefined) throw apiError('MissingParameter', { name: 'allocationId' });
      const address = input.allocationId === undefined ? undefined : unassociatedAddress(draft, input.allocationId);
      if (address) checkInternetGateway(draft, subnet.vpcId);
      const natGatewayId = mintId('natGateway', context.randomHex);
      const eni = putNewInterface(
        draft,
        subnet,
        {
          privateIpAddress: input.privateIpAddress,
          description: `Interface for NAT Gateway ${natGatewayId}`,
          sourceDestCheck: false,
          ipv6Addresses: [],
        },
        context,
        { interfaceType: 'nat_gateway', requesterId: natGatewayId },
      );
      const privateIp = primaryAddress(eni);
      if (address) draft.put('elasticIp', { ...address, association: newAssociation(eni, privateIp, context) });
      draft.put('natGateway', {
        natGatewayId,
        vpcId: subnet.vpcId,
        subnetId: subnet.subnetId,
        connectivityType,
        ...(address && { allocationId: address.allocationId, publicIp: address.publicIp }),
        networkInterfaceId: eni.networkInterfaceId,
        attachmentId: mintId('attachment', context.randomHex),
        privateIp,
        hostId: context.hostId,
        state: 'available',
        createTime: context.now,
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
      });
      return { natGatewayId };
    },
  }),
);

export const deleteNatGateway = command({
  summary: 'Delete a NAT gateway and its interface; its elastic address stays allocated. Routes to it become blackholes.',
  input: z.strictObject({ natGatewayId }),
  run: (draft, { natGatewayId }, context) => {
    const gateway = required(draft, 'natGateway', natGatewayId);
    if (gateway.state === 'deleted') throw notFound('natGateway', natGatewayId);
    if (gateway.state === 'available') draft.put('natGateway', { ...gateway, state: 'deleting', deleteTime: context.now });
    return {};
  },
});
