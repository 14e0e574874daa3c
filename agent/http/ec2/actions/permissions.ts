import { apiError, invalidValue } from '../../../model/errors.js';
import type { SecurityGroup, SecurityGroupRule } from '../../../model/security-group.js';
import { need, type Region } from '../action.js';
import type { Tree } from '../params.js';

/** Rules of security groups between the API's permissions, which bundle peers, and the model's single ones. */

export interface RuleInput {
  readonly protocol: string;
  readonly fromPort?: number | undefined;
  readonly toPort?: number | undefined;
  readonly peer: object;
  readonly description?: string | undefined;
}

/** The single rules of a request's permissions, in either of its two forms. @throws {ApiError} MissingParameter, InvalidParameterCombination */
export function rulesOf(input: Tree, group: SecurityGroup, region: Region): RuleInput[] {
  const { IpPermissions, IpProtocol, CidrIp, SourceSecurityGroupName } = input;
  if (IpPermissions?.length) {
    if (IpProtocol !== undefined || CidrIp !== undefined)
      throw apiError('InvalidParameterCombination', { reason: 'Give either IpPermissions, or IpProtocol, FromPort, ToPort and CidrIp' });
    return IpPermissions.flatMap((permission: Tree) => rulesOfPermission(permission, group, region));
  }
  if (IpProtocol === undefined && SourceSecurityGroupName === undefined) throw apiError('MissingParameter', { name: 'IpPermissions' });
  const peers =
    SourceSecurityGroupName === undefined
      ? { IpRanges: [{ CidrIp: need(input, 'CidrIp') }] }
      : { UserIdGroupPairs: [{ GroupName: SourceSecurityGroupName }] };
  return rulesOfPermission({ IpProtocol: IpProtocol ?? '-1', FromPort: input.FromPort, ToPort: input.ToPort, ...peers }, group, region);
}

function rulesOfPermission(permission: Tree, group: SecurityGroup, region: Region): RuleInput[] {
  const protocol = need<string>(permission, 'IpProtocol');
  const common = { protocol, fromPort: permission.FromPort, toPort: permission.ToPort };
  const rule = (peer: object, { Description }: Tree): RuleInput => ({ ...common, peer, description: Description });
  const rules = [
    ...(permission.IpRanges ?? []).map((range: Tree) => rule({ cidr: need(range, 'CidrIp') }, range)),
    ...(permission.Ipv6Ranges ?? []).map((range: Tree) => rule({ cidr6: need(range, 'CidrIpv6') }, range)),
    ...(permission.PrefixListIds ?? []).map((list: Tree) => rule({ prefixListId: need(list, 'PrefixListId') }, list)),
    ...(permission.UserIdGroupPairs ?? []).map((pair: Tree) => rule({ groupId: pairGroup(pair, group, region) }, pair)),
  ];
  if (rules.length === 0) throw invalidValue('A permission needs a peer: IpRanges, Ipv6Ranges, PrefixListIds or UserIdGroupPairs (Groups)');
  return rules;
}

/** @throws {ApiError} InvalidGroup.NotFound, MissingParameter */
function pairGroup(pair: Tree, group: SecurityGroup, { snapshot }: Region): string {
  if (pair.GroupId !== undefined) return pair.GroupId;
  const name = need<string>(pair, 'GroupName');
  const found = snapshot.by('securityGroup', 'vpcId', group.vpcId).find((each) => each.groupName === name);
  if (!found) throw apiError('InvalidGroup.NotFound', { id: name });
  return found.groupId;
}

/** The one rule that `SecurityGroupRule` of a request means. */
export function ruleOf(rule: Tree): RuleInput {
  const peers = [
    ...(rule.CidrIpv4 === undefined ? [] : [{ cidr: rule.CidrIpv4 }]),
    ...(rule.CidrIpv6 === undefined ? [] : [{ cidr6: rule.CidrIpv6 }]),
    ...(rule.PrefixListId === undefined ? [] : [{ prefixListId: rule.PrefixListId }]),
    ...(rule.ReferencedGroupId === undefined ? [] : [{ groupId: rule.ReferencedGroupId }]),
  ];
  const [peer, ...more] = peers;
  if (!peer || more.length > 0)
    throw apiError('InvalidParameterCombination', {
      reason: 'A rule has exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId',
    });
  return { protocol: need(rule, 'IpProtocol'), fromPort: rule.FromPort, toPort: rule.ToPort, peer, description: rule.Description };
}

/** Rules of one direction as the API bundles them: by protocol and ports. */
export function permissionTrees(group: SecurityGroup, direction: SecurityGroupRule['direction'], region: Region): Tree[] {
  const bundles = new Map<string, { readonly first: SecurityGroupRule; readonly rules: SecurityGroupRule[] }>();
  for (const rule of group.rules) {
    if (rule.direction !== direction) continue;
    const key = `${rule.protocol} ${rule.fromPort} ${rule.toPort}`;
    const bundle = bundles.get(key) ?? { first: rule, rules: [] };
    bundle.rules.push(rule);
    bundles.set(key, bundle);
  }
  return [...bundles.values()].map(({ first, rules }) => ({
    IpProtocol: first.protocol,
    FromPort: first.fromPort,
    ToPort: first.toPort,
    IpRanges: rules.flatMap(({ peer, description }) => (peer.kind === 'cidr' ? [{ CidrIp: peer.cidr, Description: description }] : [])),
    Ipv6Ranges: rules.flatMap(({ peer, description }) =>
      peer.kind === 'cidr6' ? [{ CidrIpv6: peer.cidr, Description: description }] : [],
    ),
    PrefixListIds: rules.flatMap(({ peer, description }) =>
      peer.kind === 'prefixList' ? [{ PrefixListId: peer.prefixListId, Description: description }] : [],
    ),
    UserIdGroupPairs: rules.flatMap((rule) => groupPair(rule, group, region)),
  }));
}

function groupPair({ peer, description }: SecurityGroupRule, group: SecurityGroup, { snapshot }: Region): Tree[] {
  if (peer.kind !== 'group') return [];
  const peering = peer.vpcId === group.vpcId ? undefined : peeringBetween(snapshot, peer.vpcId, group.vpcId);
  return [
    {
      GroupId: peer.groupId,
      UserId: peer.ownerId,
      Description: description,
      // Another VPC's group is told with where it is.
      ...(peer.vpcId !== group.vpcId && {
        VpcId: peer.vpcId,
        VpcPeeringConnectionId: peering?.vpcPeeringConnectionId,
        PeeringStatus: peering?.status ?? 'deleted',
      }),
    },
  ];
}

export function peeringBetween(snapshot: Region['snapshot'], a: string, b: string) {
  return snapshot
    .by('vpcPeeringConnection', 'vpcId', a)
    .find((each) => (each.requesterVpcId === b || each.accepterVpcId === b) && each.status === 'active');
}
