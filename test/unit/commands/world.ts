import { expect } from 'vitest';
import type { Command, CommandContext } from '../../../agent/commands/command.js';
import { Draft } from '../../../agent/commands/draft.js';
import { COMMANDS, type CommandName } from '../../../agent/commands/index.js';
import { parseInput } from '../../../agent/commands/input-errors.js';
import { ApiError, type ErrorCode } from '../../../agent/model/errors.js';
import { type RecordKind, type Records, Snapshot } from '../../../agent/model/snapshot.js';

/** Repeatable digits. */
export function seededHex(seed = 1): (digits: number) => string {
  let state = seed >>> 0;
  return (digits) =>
    Array.from({ length: digits }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 28).toString(16);
    }).join('');
}

/** A state that commands are run on one after another, each committed as the store would. */
export class World {
  state = Snapshot.empty;
  context: CommandContext = {
    now: '2026-01-01T00:00:00.000Z',
    randomHex: seededHex(),
    hostId: 'host-1',
    ownerId: '123456789012',
    region: 'us-east-1',
    zones: ['us-east-1a', 'us-east-1b', 'us-east-1c'],
    limits: { rulesPerDirection: 60, groupsPerInterface: 5 },
    publicPool: '203.0.113.0/24',
  };

  /** Later, by so many minutes. */
  wait(minutes: number): void {
    this.context = { ...this.context, now: new Date(Date.parse(this.context.now) + minutes * 60_000).toISOString() };
  }

  run(name: CommandName, input: object = {}): any {
    const draft = new Draft(this.state);
    const { input: schema, run } = COMMANDS[name] as Command;
    const result = run(draft, parseInput(schema, input), this.context);
    this.state = this.state.with(this.state.revision + 1, draft.changes());
    return result;
  }

  /** The fault of a command that is refused, after checking that it left the state as it was. */
  refusal(name: CommandName, input: object): ApiError {
    const before = this.state;
    try {
      this.run(name, input);
    } catch (error) {
      expect(this.state).toBe(before);
      if (error instanceof ApiError) return error;
      throw error;
    }
    throw new Error(`${name} ${JSON.stringify(input)} was not refused`);
  }

  refuse(name: CommandName, input: object, code: ErrorCode, says?: RegExp): void {
    const { code: actual, message } = this.refusal(name, input);
    expect({ code: actual, message }).toEqual({ code, message: says ? expect.stringMatching(says) : expect.any(String) });
  }

  get<K extends RecordKind>(kind: K, id: string): Records[K] {
    const record = this.state.get(kind, id);
    if (!record) throw new Error(`no ${kind} ${id}`);
    return record;
  }

  eni(id: string) {
    return this.get('networkInterface', id);
  }
}

/** Two VPCs with overlapping ranges, subnets in two zones, a group, an instance with room for interfaces, and a free interface. */
export function city() {
  const world = new World();
  const vpcId: string = world.run('createVpc', { cidrBlock: '10.0.0.0/16', ipv6: true }).vpcId;
  const otherVpcId: string = world.run('createVpc', { cidrBlock: '10.0.0.0/16' }).vpcId;
  const subnet = (input: object): string => world.run('createSubnet', input).subnetId;
  const subnetId = subnet({ vpcId, cidrBlock: '10.0.1.0/24', ipv6: true });
  const secondSubnetId = subnet({ vpcId, cidrBlock: '10.0.2.0/24' });
  const farSubnetId = subnet({ vpcId, cidrBlock: '10.0.3.0/24', availabilityZone: 'us-east-1b' });
  const otherSubnetId = subnet({ vpcId: otherVpcId, cidrBlock: '10.0.1.0/24' });
  const group = (name: string, vpc = vpcId): string =>
    world.run('createSecurityGroup', { groupName: name, description: name, vpcId: vpc }).groupId;
  const groupId = group('web');
  const otherGroupId = group('web', otherVpcId);
  const run = (input: object): string => world.run('runInstances', { subnetId, ...input }).instanceIds[0];
  const instanceId = run({ instanceType: 'm5.large' });
  const create = (input: object = {}): string => world.run('createNetworkInterface', { subnetId, ...input }).networkInterfaceId;
  const eniId = create();
  const primaryOf = (id: string): string =>
    world.state.by('networkInterface', 'instanceId', id).find((eni) => eni.attachment?.deviceIndex === 0)?.networkInterfaceId ?? '';
  return {
    world,
    vpcId,
    otherVpcId,
    subnetId,
    secondSubnetId,
    farSubnetId,
    otherSubnetId,
    groupId,
    otherGroupId,
    instanceId,
    eniId,
    defaultGroupId: world.get('vpc', vpcId).defaultSecurityGroupId as string,
    mainRouteTableId: world.get('vpc', vpcId).mainRouteTableId as string,
    group,
    subnet,
    run,
    create,
    primaryOf,
  };
}
export type City = ReturnType<typeof city>;

export const ABSENT = '0123456789abcdef0';
