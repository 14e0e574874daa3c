import { type Action, type ActionRequest, type Actions, need, recordOf } from '../action.js';
import type { Tree } from '../params.js';
import { ipv4Associations, ipv6Associations, vpcIpv6Associations } from './vpcs.js';

const SUBNET_IPV6 = 'Ipv6CidrBlockAssociation';

/** The associations of a VPC under the members that tell one. */
function vpcAssociations({ region }: Pick<ActionRequest, 'region'>, vpcId: string): readonly (readonly [member: string, tree: Tree])[] {
  const now = region();
  const vpc = recordOf(now, 'vpc', vpcId);
  return [
    ...ipv4Associations(vpc).map((tree) => ['CidrBlockAssociation', tree] as const),
    ...vpcIpv6Associations(vpc, now.region).map((tree) => ['Ipv6CidrBlockAssociation', tree] as const),
  ];
}

function associated(associations: readonly (readonly [member: string, tree: Tree])[], associationId: string): Tree {
  const found = associations.find(([, tree]) => tree.AssociationId === associationId);
  return found ? { [found[0]]: found[1] } : {};
}

/** As it was, on its way out. */
function ending(answer: Tree): Tree {
  const state = { State: 'disassociating' };
  const ended = (tree: Tree) => ('CidrBlockState' in tree ? { ...tree, CidrBlockState: state } : { ...tree, Ipv6CidrBlockState: state });
  return Object.fromEntries(Object.entries(answer).map(([member, tree]) => [member, ended(tree)]));
}

const associateVpc: Action = {
  heeds: ['VpcId', 'CidrBlock', 'AmazonProvidedIpv6CidrBlock', 'Ipv6CidrBlock'],
  ignores: ['Ipv6CidrBlockNetworkBorderGroup', 'Ipv6Pool'],
  answer: async (request) => {
    const { input, run } = request;
    const vpcId = need<string>(input, 'VpcId');
    const ipv6 = input.Ipv6CidrBlock ?? (input.AmazonProvidedIpv6CidrBlock ? true : undefined);
    const [{ associationId }] = await run([{ command: 'associateVpcCidrBlock', input: { vpcId, cidrBlock: input.CidrBlock, ipv6 } }]);
    return { VpcId: vpcId, ...associated(vpcAssociations(request, vpcId), associationId) };
  },
};

export const cidrActions: Actions = {
  AssociateVpcCidrBlock: associateVpc,
  DisassociateVpcCidrBlock: {
    heeds: ['AssociationId'],
    answer: async (request) => {
      const { input, region, run } = request;
      const associationId = need<string>(input, 'AssociationId');
      const before = region()
        .snapshot.all('vpc')
        .map(({ vpcId }) => [vpcId, associated(vpcAssociations(request, vpcId), associationId)] as const);
      const [{ vpcId }] = await run([{ command: 'disassociateVpcCidrBlock', input: { associationId } }]);
      return { VpcId: vpcId, ...ending(before.find(([id]) => id === vpcId)?.[1] ?? {}) };
    },
  },
  AssociateSubnetCidrBlock: {
    heeds: ['SubnetId', 'Ipv6CidrBlock'],
    answer: async ({ input, region, run }) => {
      const subnetId = need<string>(input, 'SubnetId');
      await run([{ command: 'associateSubnetCidrBlock', input: { subnetId, ipv6: need(input, 'Ipv6CidrBlock') } }]);
      return { SubnetId: subnetId, [SUBNET_IPV6]: ipv6Associations(recordOf(region(), 'subnet', subnetId))[0] };
    },
  },
  DisassociateSubnetCidrBlock: {
    heeds: ['AssociationId'],
    answer: async ({ input, region, run }) => {
      const associationId = need<string>(input, 'AssociationId');
      const subnet = region()
        .snapshot.all('subnet')
        .find((each) => each.ipv6?.associationId === associationId);
      const [{ subnetId }] = await run([{ command: 'disassociateSubnetCidrBlock', input: { associationId } }]);
      return { SubnetId: subnetId, ...(subnet && ending({ [SUBNET_IPV6]: ipv6Associations(subnet)[0] })) };
    },
  },
};
