import { z } from 'zod';

/** What `eni` reads of the agent's answers. Fields that it does not read pass through unseen, so that a newer agent may add some. */

export const Tags = z.record(z.string(), z.string()).default({});
export const Condition = z.looseObject({ realised: z.boolean(), reason: z.string().optional(), message: z.string().optional() });

export const Vpc = z.looseObject({
  vpcId: z.string(),
  cidrBlock: z.string(),
  ipv6: z.looseObject({ cidrBlock: z.string() }).optional(),
  isDefault: z.boolean().optional(),
  mainRouteTableId: z.string(),
  defaultSecurityGroupId: z.string(),
  dhcpOptionsId: z.string().optional(),
  defaultNetworkAclId: z.string().optional(),
  tags: Tags,
  condition: Condition.optional(),
});
export type Vpc = z.output<typeof Vpc>;

export const Subnet = z.looseObject({
  subnetId: z.string(),
  vpcId: z.string(),
  availabilityZone: z.string(),
  cidrBlock: z.string(),
  ipv6: z.looseObject({ cidrBlock: z.string() }).optional(),
  availableIpAddressCount: z.number().optional(),
  parentDevice: z.string().optional(),
  hostAccess: z.boolean().optional(),
  enforcement: z.looseObject({ securityGroups: z.string(), sourceDestCheck: z.string() }).optional(),
  tags: Tags,
  condition: Condition.optional(),
});
export type Subnet = z.output<typeof Subnet>;

export const Attachment = z.looseObject({
  attachmentId: z.string(),
  instanceId: z.string(),
  deviceIndex: z.number(),
  status: z.string(),
  deleteOnTermination: z.boolean().optional(),
  device: z.looseObject({ netns: z.string(), name: z.string() }).optional(),
});

export const NetworkInterface = z.looseObject({
  networkInterfaceId: z.string(),
  subnetId: z.string(),
  vpcId: z.string(),
  availabilityZone: z.string().optional(),
  description: z.string().default(''),
  status: z.string(),
  macAddress: z.string(),
  sourceDestCheck: z.boolean(),
  groups: z.array(z.looseObject({ groupId: z.string(), groupName: z.string().optional() })),
  privateIpAddresses: z.array(z.looseObject({ privateIpAddress: z.string(), primary: z.boolean() })),
  association: z.looseObject({ publicIp: z.string() }).optional(),
  ipv6Addresses: z.array(z.union([z.string(), z.looseObject({ ipv6Address: z.string() }).transform((a) => a.ipv6Address)])).default([]),
  attachment: Attachment.optional(),
  tags: Tags,
  condition: Condition.optional(),
});
export type NetworkInterface = z.output<typeof NetworkInterface>;

export const Instance = z.looseObject({
  instanceId: z.string(),
  vpcId: z.string(),
  availabilityZone: z.string(),
  instanceType: z.string(),
  hostId: z.string().optional(),
  state: z.string(),
  privateIpAddress: z.string().optional(),
  publicIpAddress: z.string().optional(),
  holder: z
    .looseObject({ kind: z.string(), name: z.string().optional(), containerId: z.string().optional(), pid: z.number().optional() })
    .optional(),
  /** The namespace's name under /run/netns. */
  namespace: z.string().optional(),
  /** First process of its PID namespace, as the host numbers it. */
  initPid: z.number().optional(),
  userData: z.string().optional(),
  sourceBasedRouting: z.boolean().optional(),
  launchTime: z.string().optional(),
  tags: Tags,
  condition: Condition.optional(),
});
export type Instance = z.output<typeof Instance>;

export const Peer = z.union([
  z.looseObject({ kind: z.enum(['cidr', 'cidr6']), cidr: z.string() }),
  z.looseObject({ kind: z.literal('group'), groupId: z.string() }),
  z.looseObject({ kind: z.literal('prefixList'), prefixListId: z.string() }),
]);
export type Peer = z.output<typeof Peer>;

export const Rule = z.looseObject({
  ruleId: z.string(),
  direction: z.enum(['ingress', 'egress']),
  protocol: z.string(),
  fromPort: z.number().optional(),
  toPort: z.number().optional(),
  peer: Peer,
  description: z.string().optional(),
});
export type Rule = z.output<typeof Rule>;

export const SecurityGroup = z.looseObject({
  groupId: z.string(),
  groupName: z.string(),
  description: z.string().default(''),
  vpcId: z.string(),
  rules: z.array(Rule),
  tags: Tags,
});
export type SecurityGroup = z.output<typeof SecurityGroup>;

export const RouteTarget = z.looseObject({
  kind: z.string(),
  networkInterfaceId: z.string().optional(),
  gatewayId: z.string().optional(),
  natGatewayId: z.string().optional(),
  egressOnlyInternetGatewayId: z.string().optional(),
  vpcPeeringConnectionId: z.string().optional(),
});

export const RouteTable = z.looseObject({
  routeTableId: z.string(),
  vpcId: z.string(),
  main: z.boolean(),
  associations: z.array(z.looseObject({ associationId: z.string(), subnetId: z.string().optional() })).default([]),
  routes: z.array(
    z.looseObject({ destination: z.string(), target: RouteTarget, state: z.string().optional(), origin: z.string().optional() }),
  ),
  propagatingGatewayIds: z.array(z.string()).default([]),
  tags: Tags,
});
export type RouteTable = z.output<typeof RouteTable>;

export const PrefixList = z.looseObject({
  prefixListId: z.string(),
  name: z.string(),
  family: z.number(),
  maxEntries: z.number(),
  version: z.number(),
  entries: z.array(z.looseObject({ cidr: z.string(), description: z.string().optional() })),
  tags: Tags,
});
export type PrefixList = z.output<typeof PrefixList>;

export const NetworkAcl = z.looseObject({
  networkAclId: z.string(),
  vpcId: z.string(),
  isDefault: z.boolean(),
  associations: z.array(z.looseObject({ subnetId: z.string() })).default([]),
  entries: z.array(z.looseObject({})).default([]),
  tags: Tags,
});
export type NetworkAcl = z.output<typeof NetworkAcl>;

export const KeyPair = z.looseObject({
  keyPairId: z.string(),
  keyName: z.string(),
  keyType: z.string(),
  fingerprint: z.string(),
  createTime: z.string().optional(),
  tags: Tags,
});
export type KeyPair = z.output<typeof KeyPair>;

const Range = z.looseObject({ associationId: z.string(), cidrBlock: z.string() });
/** What of a VPC or a subnet can be taken away. */
export const Ranges = z.looseObject({ secondaryCidrBlocks: z.array(Range).optional(), ipv6: Range.optional() });

export const Zone = z.looseObject({ zoneName: z.string() });
