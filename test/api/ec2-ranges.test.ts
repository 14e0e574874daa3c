import * as ec2 from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cliOver, fetchInto } from '../support/cli.js';
import { type Ec2Api, makeSubnet, startEc2 } from '../support/ec2.js';

let aws: Ec2Api;
let vpcId: string;
let subnetId: string;
beforeEach(async () => {
  aws = await startEc2();
  ({ vpcId, subnetId } = await makeSubnet(aws));
});
afterEach(() => aws.close());

const addRange = (range: object) => new ec2.AssociateVpcCidrBlockCommand({ VpcId: vpcId, ...range });
const removeRange = (AssociationId: string) => new ec2.DisassociateVpcCidrBlockCommand({ AssociationId });
const vpc = async (): Promise<any> => (await aws.send(new ec2.DescribeVpcsCommand({ VpcIds: [vpcId] }))).Vpcs[0];
const subnetIn = (CidrBlock: string) => new ec2.CreateSubnetCommand({ VpcId: vpcId, CidrBlock });

describe('ranges of a VPC', () => {
  it('of IPv4 are added, used by subnets, and removed when none is left', async () => {
    expect(await aws.fault(subnetIn('10.9.1.0/24'))).toBe('InvalidSubnet.Range');
    const { CidrBlockAssociation, VpcId } = await aws.send(addRange({ CidrBlock: '10.9.0.0/16' }));
    expect([VpcId, CidrBlockAssociation]).toEqual([
      vpcId,
      { AssociationId: expect.stringMatching(/^vpc-cidr-assoc-/), CidrBlock: '10.9.0.0/16', CidrBlockState: { State: 'associated' } },
    ]);
    expect((await vpc()).CidrBlockAssociationSet.map((each: any) => each.CidrBlock)).toEqual(['10.0.0.0/16', '10.9.0.0/16']);
    const { Subnet } = await aws.send(subnetIn('10.9.1.0/24'));
    const { AssociationId } = CidrBlockAssociation;
    expect(await aws.fault(removeRange(AssociationId))).toBe('InvalidCidrBlock.InUse');
    await aws.send(new ec2.DeleteSubnetCommand({ SubnetId: Subnet.SubnetId }));
    const gone = await aws.send(removeRange(AssociationId));
    expect(gone).toMatchObject({ VpcId: vpcId, CidrBlockAssociation: { AssociationId, CidrBlockState: { State: 'disassociating' } } });
    expect(await aws.fault(removeRange(AssociationId))).toBe('InvalidVpcCidrBlockAssociationID.NotFound');
    expect((await vpc()).CidrBlockAssociationSet).toHaveLength(1);
  });

  it('of IPv6 open what nobody has narrowed, and a subnet gets one of its own', async () => {
    const touched = (await aws.send(new ec2.CreateSecurityGroupCommand({ GroupName: 'x', Description: 'x', VpcId: vpcId }))).GroupId;
    const narrow = { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '10.0.0.0/8' }] };
    await aws.send(new ec2.AuthorizeSecurityGroupEgressCommand({ GroupId: touched, IpPermissions: [narrow] }));
    const { Ipv6CidrBlockAssociation: association } = await aws.send(addRange({ AmazonProvidedIpv6CidrBlock: true }));
    expect(association).toMatchObject({ Ipv6CidrBlock: expect.stringMatching(/::\/56$/), Ipv6CidrBlockState: { State: 'associated' } });
    const egress = async (groupId: string) => {
      const { SecurityGroups } = await aws.send(new ec2.DescribeSecurityGroupsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpcId] }] }));
      const group = SecurityGroups.find((each: any) => each.GroupId === groupId || (groupId === '' && each.GroupName === 'default'));
      return group.IpPermissionsEgress.flatMap((permission: any) => permission.Ipv6Ranges.map((range: any) => range.CidrIpv6));
    };
    expect(await egress('')).toEqual(['::/0']);
    expect(await egress(touched)).toEqual([]);
    const { NetworkAcls } = await aws.send(new ec2.DescribeNetworkAclsCommand({}));
    expect(NetworkAcls[0].Entries.filter((entry: any) => entry.Ipv6CidrBlock === '::/0' && entry.RuleAction === 'allow')).toHaveLength(2);

    const within = association.Ipv6CidrBlock.replace('::/56', '::/64');
    const give = (Ipv6CidrBlock: string) => new ec2.AssociateSubnetCidrBlockCommand({ SubnetId: subnetId, Ipv6CidrBlock });
    expect(await aws.fault(give('fd00:1:2:3::/64'))).toBe('InvalidSubnet.Range');
    const given = await aws.send(give(within));
    expect(given).toMatchObject({ SubnetId: subnetId, Ipv6CidrBlockAssociation: { Ipv6CidrBlock: within } });
    expect(await aws.fault(give(within))).toBe('CidrLimitExceeded');
    const eni = (await aws.send(new ec2.CreateNetworkInterfaceCommand({ SubnetId: subnetId, Ipv6AddressCount: 1 }))).NetworkInterface;
    expect(eni.Ipv6Addresses).toHaveLength(1);

    const { AssociationId } = given.Ipv6CidrBlockAssociation;
    const take = new ec2.DisassociateSubnetCidrBlockCommand({ AssociationId });
    expect(await aws.fault(take)).toBe('InvalidCidrBlock.InUse');
    expect(await aws.fault(removeRange(association.AssociationId))).toBe('InvalidCidrBlock.InUse');
    await aws.send(new ec2.DeleteNetworkInterfaceCommand({ NetworkInterfaceId: eni.NetworkInterfaceId }));
    expect(await aws.send(take)).toMatchObject({
      SubnetId: subnetId,
      Ipv6CidrBlockAssociation: { AssociationId, Ipv6CidrBlockState: { State: 'disassociating' } },
    });
    expect(await aws.fault(take)).toBe('InvalidSubnetCidrBlockAssociationID.NotFound');
    await aws.send(removeRange(association.AssociationId));
    expect((await vpc()).Ipv6CidrBlockAssociationSet).toEqual([]);
  });

  it.each([
    ['one that overlaps its own', { CidrBlock: '10.0.128.0/17' }, 'InvalidVpc.Range'],
    ['one that is too large', { CidrBlock: '10.0.0.0/8' }, 'InvalidVpc.Range'],
    ['one that is none', { CidrBlock: 'ten' }, 'InvalidParameterValue'],
    ['none', {}, 'MissingParameter'],
    ['both families at once', { CidrBlock: '10.9.0.0/16', AmazonProvidedIpv6CidrBlock: true }, 'InvalidParameterCombination'],
    ['an address pool of IPAM', { Ipv4IpamPoolId: 'ipam-pool-1' }, 'UnsupportedOperation'],
    ['one that covers a route', { CidrBlock: '10.7.0.0/16' }, 'InvalidVpc.Range'],
    ['one of a peer', { CidrBlock: '10.8.0.0/17' }, 'InvalidVpc.Range'],
  ])('%s is refused', async (_name, range, code) => {
    const other = (await aws.send(new ec2.CreateVpcCommand({ CidrBlock: '10.8.0.0/16' }))).Vpc.VpcId;
    await aws.send(new ec2.CreateVpcPeeringConnectionCommand({ VpcId: vpcId, PeerVpcId: other }));
    const table = (await aws.send(new ec2.CreateRouteTableCommand({ VpcId: vpcId }))).RouteTable.RouteTableId;
    const eni = (await aws.send(new ec2.CreateNetworkInterfaceCommand({ SubnetId: subnetId }))).NetworkInterface.NetworkInterfaceId;
    const route = { RouteTableId: table, DestinationCidrBlock: '10.7.1.0/24', NetworkInterfaceId: eni };
    await aws.send(new ec2.CreateRouteCommand(route));
    expect(await aws.fault(addRange(range))).toBe(code);
  });

  it('are five at most, and the first stays', async () => {
    for (const n of [1, 2, 3, 4]) await aws.send(addRange({ CidrBlock: `10.${n}.0.0/16` }));
    expect(await aws.fault(addRange({ CidrBlock: '10.5.0.0/16' }))).toBe('CidrLimitExceeded');
    expect(await aws.fault(removeRange((await vpc()).CidrBlockAssociationSet[0].AssociationId))).toBe('OperationNotPermitted');
    await aws.send(addRange({ AmazonProvidedIpv6CidrBlock: true }));
    expect(await aws.fault(addRange({ AmazonProvidedIpv6CidrBlock: true }))).toBe('CidrLimitExceeded');
  });

  it('are added and removed on the command line', async () => {
    const eni = cliOver({ fetch: fetchInto(aws.api) });
    const json = async (...argv: string[]) => {
      const { code, out, err } = await eni('--json', ...argv);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      return JSON.parse(out);
    };
    await json('tag', subnetId, 'Name=front');
    expect(await json('range', 'add', vpcId, '10.9.0.0/16')).toMatchObject({ secondaryCidrBlocks: [{ cidrBlock: '10.9.0.0/16' }] });
    expect(await json('range', 'remove', vpcId, '10.9.0.0/16')).toMatchObject({ secondaryCidrBlocks: [] });
    const { ipv6 } = await json('range', 'add', vpcId, '--ipv6');
    const given = await json('range', 'add', 'front', '--ipv6');
    expect(given.ipv6.cidrBlock).toBe(ipv6.cidrBlock.replace('/56', '/64'));
    expect(await json('range', 'remove', 'front', given.ipv6.cidrBlock)).not.toHaveProperty('ipv6');
    expect(await json('range', 'remove', vpcId, ipv6.cidrBlock)).not.toHaveProperty('ipv6');
    expect(await eni('range', 'remove', vpcId, '10.9.0.0/16')).toMatchObject({ code: 2, err: expect.stringContaining('it has none') });
  });
});
