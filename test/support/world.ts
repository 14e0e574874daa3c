import { afterAll, afterEach, beforeAll } from 'vitest';
import { type AgentOptions, startAgent, type TestAgent } from './agent.js';

/** A VPC with two subnets in one zone, and shorthands for what traffic tests do all the time. */
export interface World {
  readonly agent: TestAgent;
  readonly vpcId: string;
  readonly subnetA: string;
  readonly subnetB: string;
  readonly defaultGroupId: string;
  /** A group with these permissions: `tcp/80 from 10.0.0.0/16`, `all from self`, `icmp from sg-…`; egress stays open. */
  group(...ingress: string[]): Promise<string>;
  /** A running instance with one interface; resolves when packets can flow. */
  instance(options?: { subnetId?: string; groupIds?: string[]; [field: string]: unknown }): Promise<Machine>;
  networkInterface(options?: Record<string, unknown>): Promise<any>;
}

export interface Machine {
  readonly instanceId: string;
  /** Primary private address. */
  readonly address: string;
  /** Its primary interface. */
  readonly eni: any;
}

/** One daemon for the tests of a file; each test gets a VPC of its own, all with the same ranges. */
export function useAgent(
  args: readonly string[] = [],
  options: Omit<AgentOptions, 'args'> = {},
): {
  readonly agent: TestAgent;
  world(vpc?: Record<string, unknown>, subnetA?: Record<string, unknown>): Promise<World>;
} {
  let agent: TestAgent | undefined;
  beforeAll(async () => {
    agent = await startAgent({ ...options, args: ['--allow-reset', ...args] });
  });
  afterEach(async () => void (await agent?.call('POST', '/v1/reset')));
  afterAll(async () => agent?.dispose());
  const started = () => {
    if (!agent) throw new Error('the agent is not started');
    return agent;
  };
  return {
    get agent() {
      return started();
    },
    world: (vpc, subnetA) => buildWorld(started(), vpc, subnetA),
  };
}

/** `subnetAFields`: of the first subnet, e.g. a device of the host that it is on. */
export async function buildWorld(
  agent: TestAgent,
  vpcFields: Record<string, unknown> = {},
  subnetAFields: Record<string, unknown> = {},
): Promise<World> {
  const vpc = await agent.ok('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16', ...vpcFields });
  const { vpcId, defaultSecurityGroupId: defaultGroupId } = vpc;
  const subnet = async (third: number, fields: Record<string, unknown> = {}) => {
    const body = { vpcId, cidrBlock: `10.0.${third}.0/24`, availabilityZone: 'us-east-1a', ...fields };
    return (await agent.ok('POST', '/v1/subnets', body)).subnetId as string;
  };
  const subnetA = await subnet(1, subnetAFields);
  const subnetB = await subnet(2);
  let groups = 0;
  return {
    agent,
    vpcId,
    subnetA,
    subnetB,
    defaultGroupId,
    group: async (...ingress) => {
      groups += 1;
      const body = { vpcId, groupName: `group-${groups}`, description: 'made by a test' };
      const { groupId } = await agent.ok('POST', '/v1/security-groups', body);
      if (ingress.length > 0)
        await agent.ok('POST', `/v1/security-groups/${groupId}/rules`, { direction: 'ingress', rules: ingress.map(rule) });
      return groupId;
    },
    instance: async ({ subnetId = subnetA, groupIds = [defaultGroupId], ...fields } = {}) => {
      const body = fields.networkInterfaces ? fields : { subnetId, groupIds, ...fields };
      const { instances } = await agent.ok('POST', '/v1/instances', { instanceType: 'm5.large', ...body });
      const [instance] = instances;
      const eni = instance.networkInterfaces.find((each: any) => each.attachment.deviceIndex === 0);
      return { instanceId: instance.instanceId, address: instance.privateIpAddress, eni };
    },
    networkInterface: (options = {}) =>
      agent.ok('POST', '/v1/network-interfaces', { subnetId: subnetA, groupIds: [defaultGroupId], ...options }),
  };
}

/** `tcp/80-90 from 10.0.0.0/16` → a rule of the API. */
export function rule(text: string): Record<string, unknown> {
  const match = /^(\w+)(?:\/(\d+)(?:-(\d+))?)? (?:from|to) (\S+)$/.exec(text);
  if (!match) throw new Error(`no rule: ${text}`);
  const [, protocol = '', from, to, peer = ''] = match;
  const ports = from === undefined ? {} : { fromPort: Number(from), toPort: Number(to ?? from) };
  return { protocol: protocol === 'all' ? '-1' : protocol, ...ports, peer: peerOf(peer) };
}

function peerOf(text: string): Record<string, unknown> {
  if (text === 'self') return { self: true };
  if (text === 'any') return { cidr: '0.0.0.0/0' };
  if (text.startsWith('sg-')) return { groupId: text };
  if (text.startsWith('pl-')) return { prefixListId: text };
  return text.includes(':') ? { cidr6: text } : { cidr: text };
}
