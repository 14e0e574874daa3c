import { z } from 'zod';
import { parseAddress, parseCidr } from '../../model/address.js';
import { CONTAINER_REFERENCE, MAX_PID, NETNS_NAME } from '../../model/guest.js';
import { DEVICE_NAME } from '../../model/parent-device.js';
import { parseAclText } from './acl-text.js';
import { parseExpectation } from './expect.js';
import { parseRuleText, RuleTextError } from './rule-text.js';

/** The shape of a lab file. References between its parts are checked in `load.ts`. */

const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be a name: letters, digits, dots, dashes, underscores');
const named = <T extends z.ZodType>(value: T) => z.record(Name, value).default({});

const range = (family: 4 | 6) =>
  z.string().superRefine((text, context) => {
    const parsed = parseCidr(text);
    if (parsed?.family !== family) context.addIssue(`must be an IPv${family} range like ${family === 4 ? '10.0.0.0/16' : 'fd00::/56'}`);
    else if (!parsed.canonical) context.addIssue(`has host bits set: write ${parsed.text}`);
  });
const address = (family: 4 | 6) =>
  z
    .string()
    .refine((text) => parseAddress(text)?.family === family, `must be an IPv${family} address`)
    .transform((text) => parseAddress(text)?.text ?? text);

/** YAML 1.2 reads `on` and `off` as text, `true` and `false` as booleans. */
const OnOff = z
  .union([z.boolean(), z.enum(['on', 'off'])], { error: 'must be on or off' })
  .transform((value) => value === true || value === 'on');

/** `true`: the agent chooses. */
const Ipv6Range = z.union([z.literal(true), range(6)], { error: 'must be true or an IPv6 range' });

/** Runs a parser of a short form; what it throws becomes an issue of the schema. */
function parsed<T>(parse: (text: string) => T) {
  return z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof RuleTextError)) throw error;
      context.addIssue(error.message);
      return z.NEVER;
    }
  });
}

const ruleEntry = (direction: 'ingress' | 'egress') => {
  const text = parsed((rule) => parseRuleText(rule, direction));
  return z.union([
    text.transform((rules) => ({ rules, description: undefined as string | undefined })),
    z.strictObject({ rule: text, description: z.string().optional() }).transform(({ rule, description }) => ({ rules: rule, description })),
  ]);
};

const interfaceFields = {
  subnet: Name,
  address: address(4).optional(),
  addresses: z.array(address(4)).default([]),
  ipv6: z.union([z.int().min(0).max(16), z.array(address(6))], { error: 'must be how many, or a list of IPv6 addresses' }).default(0),
  groups: z.array(Name).min(1, 'must name a group; leave it out for the default one').optional(),
  mac: z
    .string()
    .regex(/^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/, 'must be a MAC address like 02:00:00:00:01:10')
    .transform((mac) => mac.toLowerCase())
    .optional(),
  check: OnOff.default(true),
  description: z.string().max(255).default(''),
  /** An elastic address for the primary address: whichever is free, or this one of the pool. */
  public: z.union([address(4), z.literal(true)], { error: 'must be true or an IPv4 address of the public pool' }).optional(),
};
export const LabInterface = z.strictObject(interfaceFields);
export type LabInterface = z.output<typeof LabInterface>;

const LabRoute = z.string().transform((text, context) => {
  const match = /^(\S+)\s+(?:via|->|→)\s+(\S+)$/.exec(text.trim());
  const destination = match?.[1] && parseCidr(match[1]);
  if (!match?.[2] || !destination) {
    context.addIssue(`'${text}' is no route: write it like '0.0.0.0/0 via nat-interface'`);
    return z.NEVER;
  }
  if (!destination.canonical) context.addIssue(`'${match[1]}' has host bits set: write ${destination.text}`);
  return { destination: destination.text, target: match[2] };
});

/** `true`: it is called `<vpc>-<what>`. */
const gatewayName = z.union([z.literal(true), Name], { error: 'must be true or a name' }).optional();
const aclEntry = (direction: 'ingress' | 'egress') => parsed((text) => parseAclText(text, direction));
const asn = z.int().min(1).max(4_294_967_294);

const gatewayParts = {
  elasticAddresses: named(
    z.strictObject({
      publicIp: address(4).optional(),
      interface: Name.optional(),
      /** One of the interface's addresses; absent: the primary one. */
      address: address(4).optional(),
    }),
  ),
  natGateways: named(
    z.strictObject({
      subnet: Name,
      /** Absent: one of its own. */
      elasticAddress: Name.optional(),
      private: z.literal(true).optional(),
    }),
  ),
  vpnGateways: named(z.strictObject({ vpc: Name, asn: asn.optional() })),
  customerGateways: named(
    z.strictObject({
      /** Its address in the internet. */
      address: address(4),
      vpnGateway: Name,
      /** Ranges of the network behind it. */
      routes: z.array(range(4)).min(1, 'must have a range'),
      asn: asn.optional(),
    }),
  ),
  peerings: named(z.strictObject({ between: z.tuple([Name, Name], { error: 'must be two VPCs: [a, b]' }) })),
  networkAcls: named(
    z.strictObject({
      vpc: Name,
      subnets: z.array(Name).default([]),
      ingress: z.array(aclEntry('ingress')).default([]),
      egress: z.array(aclEntry('egress')).default([]),
    }),
  ),
  dhcpOptions: named(
    z
      .strictObject({ domainName: z.string().min(1).optional(), servers: z.array(z.string()).min(1).max(4).optional() })
      .refine((options) => options.domainName !== undefined || options.servers !== undefined, 'must say domainName or servers'),
  ),
};

/** A namespace that somebody else made, instead of one of enid's own: one of these. */
const guestParts = {
  container: z.string().regex(CONTAINER_REFERENCE, 'must be the id or the name of a container').optional(),
  netns: z.string().regex(NETNS_NAME, 'must be the name of a network namespace').optional(),
  pid: z.int().min(1).max(MAX_PID).optional(),
  /** Device index of the first interface: in a guest with a network of its own, 1. */
  index: z.int().min(0).max(63).default(0),
};
type GuestParts = z.output<z.ZodObject<typeof guestParts>>;

/** `container web`, as messages say it; `undefined` for an instance that enid makes. */
export function guestText({ container, netns, pid }: Pick<GuestParts, 'container' | 'netns' | 'pid'>): string | undefined {
  if (container !== undefined) return `container ${container}`;
  if (netns !== undefined) return `network namespace ${netns}`;
  return pid === undefined ? undefined : `the network namespace of process ${pid}`;
}

function checkGuest({ container, netns, pid, index, userData }: GuestParts & { userData: string }, context: z.RefinementCtx): void {
  const given = [container, netns, pid].filter((value) => value !== undefined);
  const report = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
  if (given.length > 1) report(container === undefined ? 'pid' : 'container', 'give one of container, netns and pid');
  if (given.length === 0 && index > 0) report('index', "only goes with container, netns or pid: enid's own instances start at eth0");
  if (given.length > 0 && userData !== '') report('userData', 'never runs in a guest: leave it out');
}

export const LabFile = z.strictObject({
  lab: Name,
  description: z.string().optional(),
  vpcs: named(
    z.strictObject({
      cidr: range(4),
      ipv6: Ipv6Range.optional(),
      internet: gatewayName,
      egressOnly: gatewayName,
      dhcpOptions: Name.optional(),
    }),
  ),
  subnets: named(
    z
      .strictObject({
        vpc: Name,
        cidr: range(4),
        zone: z.string().optional(),
        ipv6: Ipv6Range.optional(),
        /** Device of the host that it is on. */
        parent: z.string().regex(DEVICE_NAME, 'must be the name of a device').optional(),
        hostAccess: OnOff.default(false),
      })
      .refine(({ parent, hostAccess }) => parent !== undefined || !hostAccess, 'hostAccess needs parent, a device of the host'),
  ),
  prefixLists: named(
    z.strictObject({
      family: z.union([z.literal(4), z.literal(6)]).default(4),
      maxEntries: z.int().min(1).max(1000).optional(),
      entries: z.array(z.string()).default([]),
    }),
  ),
  groups: named(
    z.strictObject({
      vpc: Name,
      ingress: z.array(ruleEntry('ingress')).default([]),
      /** Absent: everything, as in a new group. */
      egress: z.array(ruleEntry('egress')).optional(),
    }),
  ),
  interfaces: named(LabInterface),
  instances: named(
    z
      .strictObject({
        ...guestParts,
        type: z.string().optional(),
        interfaces: z.array(z.union([Name, LabInterface])).min(1, 'must have an interface'),
        userData: z.string().max(16_384, 'must be at most 16 KiB').default(''),
        sourceBasedRouting: OnOff.default(true),
      })
      .superRefine(checkGuest),
  ),
  routeTables: named(
    z.strictObject({
      vpc: Name,
      /** The VPC's main table instead of one of its own. */
      main: z.literal(true).optional(),
      subnets: z.array(Name).default([]),
      routes: z.array(LabRoute).default([]),
      /** VPN gateways whose connections' routes appear in it by themselves. */
      propagate: z.array(Name).default([]),
    }),
  ),
  ...gatewayParts,
  expect: z.array(parsed(parseExpectation)).default([]),
});
export type LabFile = z.output<typeof LabFile>;
