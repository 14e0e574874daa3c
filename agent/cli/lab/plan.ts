import { NOUNS, type NounName } from '../nouns.js';
import { type CurrentLab, LAB_TAG, NAME_TAG } from './current.js';
import { decideFates, type Fates, fullZone } from './fates.js';
import type { Lab } from './load.js';
import { NOUN_OF, PARTS, type Part } from './nouns.js';
import { planNetworkAcls } from './plan-acls.js';
import { planElasticAddresses } from './plan-addresses.js';
import { planDhcpOptions, planGateways } from './plan-gateways.js';
import { planGroups } from './plan-groups.js';
import { planInstances } from './plan-instances.js';
import { planInterfaces } from './plan-interfaces.js';
import { planRouteTables } from './plan-routes.js';
import { type Id, keyOf, pathTo, type Step, type Template } from './steps.js';

/**
 * What must be done so that the agent has what the lab file says: nothing when it has. Pure.
 *
 * Three phases, so that nothing is deleted while it is used and nothing is created where its predecessor still is:
 * release (instances, devices, addresses and ranges that go), make (create and change), clean up (what others may have used until then).
 */
export function planLab(lab: Lab, current: CurrentLab): Step[] {
  const plan = new LabPlan(lab, current);
  planInstances(plan);
  planRouteTables(plan);
  planInterfaces(plan);
  planSubnets(plan);
  planPrefixLists(plan);
  planGroups(plan);
  planVpcs(plan);
  planGateways(plan);
  planElasticAddresses(plan);
  planNetworkAcls(plan);
  planDhcpOptions(plan);
  return plan.steps();
}

/** The order of work, whatever order the parts are planned in. */
const ORDER = [
  // Release.
  'terminate',
  'release routes',
  'disassociate',
  'delete nat gateways',
  'detach',
  'unassign addresses',
  'delete interfaces',
  'delete subnets',
  'delete gateways',
  'detach gateways',
  'release addresses',
  'retire',
  'empty vpcs',
  'delete vpcs',
  // Make.
  'create vpcs',
  'dhcp options',
  'gateways',
  'attach gateways',
  'create subnets',
  'prefix lists',
  'create groups',
  'authorize',
  'network acls',
  'create interfaces',
  'change interfaces',
  'elastic addresses',
  'associate',
  'nat gateways',
  'connections',
  'route tables',
  'routes',
  'move',
  'change instances',
  'run',
  'attach',
  // Clean up.
  'revoke',
  'delete tables',
  'delete groups',
  'delete prefix lists',
  'delete detached gateways',
  'delete dhcp options',
] as const;
export type Stage = (typeof ORDER)[number];

/** What the parts of the planner share: the two sides, the fates, and where steps are collected. */
export class LabPlan {
  readonly fates: Fates;
  private readonly stages = new Map<Stage, Step[]>();

  constructor(
    readonly lab: Lab,
    readonly current: CurrentLab,
  ) {
    this.fates = decideFates(lab, current);
  }

  add(stage: Stage, step: Step): void {
    this.stages.set(stage, [...(this.stages.get(stage) ?? []), step]);
  }

  steps(): Step[] {
    return ORDER.flatMap((stage) => this.stages.get(stage) ?? []);
  }

  stays(part: Part, name: string): boolean {
    return this.fates.stays(part, name);
  }

  /** Names that the lab file has and the agent lacks, or must make anew. */
  missing<P extends Part>(part: P): [name: string, wanted: Lab[P][string]][] {
    return (Object.entries(this.lab[part]) as [string, Lab[P][string]][]).filter(([name]) => !this.stays(part, name));
  }

  /** Names that stay, with both sides. */
  kept<P extends Part>(part: P): { name: string; wanted: Lab[P][string]; found: Found<P> }[] {
    return (Object.entries(this.lab[part]) as [string, Lab[P][string]][]).flatMap(([name, wanted]) => {
      const found = this.current[part].get(name) as Found<P> | undefined;
      return found !== undefined && this.stays(part, name) ? [{ name, wanted, found }] : [];
    });
  }

  /** What the agent has and shall lose. */
  gone<P extends Part>(part: P): [name: string, found: Found<P>][] {
    return ([...this.current[part]] as [string, Found<P>][]).filter(([name]) => !this.stays(part, name));
  }

  /** The id of a resource of the lab file, or a reference to the step that creates it. */
  id(part: Part, name: string): Id {
    return this.knownId(part, name) ?? { $ref: keyOf(NOUN_OF[part], name) };
  }

  /** `undefined` when it is yet to be created. */
  knownId(part: Part, name: string): string | undefined {
    return this.stays(part, name) ? this.foundId(part, name) : undefined;
  }

  private foundId(part: Part, name: string): string | undefined {
    const found = this.current[part].get(name) as Record<string, unknown> | undefined;
    return found && String(found[NOUNS[NOUN_OF[part]].idField]);
  }

  /** The name in the lab of a resource that stays; the id itself for all else. */
  nameOf(part: Part, id: string): string {
    for (const name of this.current[part].keys()) if (this.foundId(part, name) === id) return name;
    return id;
  }

  /** Whether a VPC of the lab goes, so that everything in it goes too. */
  vpcGoes(vpcId: string): boolean {
    return this.gone('vpcs').some(([, vpc]) => vpc.vpcId === vpcId);
  }

  create(stage: Stage, part: Part, name: string, body: Fields, { until, register }: CreateOptions = {}): void {
    const noun = NOUN_OF[part];
    this.add(stage, {
      verb: 'create',
      subject: `${nounText(noun)} ${name}`,
      ...(register !== undefined && { detail: `register ${register}` }),
      method: 'POST',
      path: [`${NOUNS[noun].path}${register === undefined ? '' : '/register'}`],
      body: { ...body, tags: { [LAB_TAG]: this.lab.lab, [NAME_TAG]: name } },
      creates: { key: keyOf(noun, name), noun },
      ...(until && { until }),
    });
  }

  delete(stage: Stage, part: Part, name: string, id: Id, until?: Step['until']): void {
    const noun = NOUN_OF[part];
    this.add(stage, {
      verb: 'delete',
      subject: `${nounText(noun)} ${name}`,
      method: 'DELETE',
      path: pathTo(noun, id),
      ...(until && { until }),
    });
  }

  change(stage: Stage, part: Part, name: string, detail: string, call: Pick<Step, 'method' | 'path' | 'body' | 'finds' | 'until'>): void {
    this.add(stage, { verb: 'change', subject: `${nounText(NOUN_OF[part])} ${name}`, detail, ...call });
  }

  /**
   * Takes the name of a resource away that is deleted only after its successor has been made: if the work is cut short, the
   * next run must not find two of one name.
   */
  retire(part: Part, name: string, id: string): void {
    if (!(name in this.lab[part])) return;
    this.change('retire', part, name, 'set aside, to be replaced', {
      method: 'PUT',
      path: [`/v1/tags/${encodeURIComponent(id)}`],
      body: { tags: { [NAME_TAG]: `${name} (replaced ${id})` } },
    });
  }
}

type Fields = { readonly [key: string]: Template | undefined };
interface CreateOptions {
  readonly until?: Step['until'];
  /** What is there already and becomes the resource, in words. */
  readonly register?: string | undefined;
}

export type Found<P extends Part> = CurrentLab[P] extends ReadonlyMap<string, infer V> ? V : never;

const nounText = (noun: NounName): string => noun.replaceAll('-', ' ');

function planVpcs(plan: LabPlan): void {
  for (const [name, vpc] of plan.gone('vpcs')) plan.delete('delete vpcs', 'vpcs', name, vpc.vpcId);
  for (const [name, { cidr, ipv6 }] of plan.missing('vpcs')) plan.create('create vpcs', 'vpcs', name, { cidrBlock: cidr, ipv6 });
}

function planSubnets(plan: LabPlan): void {
  for (const [name, subnet] of plan.gone('subnets')) plan.delete('delete subnets', 'subnets', name, subnet.subnetId);
  for (const [name, { vpc, cidr, zone, ipv6, parent, hostAccess }] of plan.missing('subnets'))
    plan.create('create subnets', 'subnets', name, {
      vpcId: plan.id('vpcs', vpc),
      cidrBlock: cidr,
      ipv6,
      availabilityZone: zone && fullZone(zone, plan.current.zones),
      parentDevice: parent,
      ...(hostAccess && { hostAccess }),
    });
  for (const { name, wanted, found } of plan.kept('subnets'))
    if (wanted.hostAccess !== (found.hostAccess ?? false))
      plan.change('create subnets', 'subnets', name, wanted.hostAccess ? 'host access' : 'no host access', {
        method: 'PATCH',
        path: pathTo('subnet', found.subnetId),
        body: { hostAccess: wanted.hostAccess },
      });
}

function planPrefixLists(plan: LabPlan): void {
  for (const [name, list] of plan.gone('prefixLists')) {
    plan.retire('prefixLists', name, list.prefixListId);
    plan.delete('delete prefix lists', 'prefixLists', name, list.prefixListId);
  }
  for (const [name, { family, maxEntries, entries }] of plan.missing('prefixLists'))
    plan.create('prefix lists', 'prefixLists', name, {
      name,
      family,
      maxEntries: maxEntries ?? Math.max(1, entries.length),
      entries: entries.map((cidr) => ({ cidr })),
    });
  for (const { name, wanted, found } of plan.kept('prefixLists')) {
    const has = found.entries.map((entry) => entry.cidr);
    const added = wanted.entries.filter((cidr) => !has.includes(cidr));
    const removed = has.filter((cidr) => !wanted.entries.includes(cidr));
    // Without a size of its own the list grows as needed and never shrinks: rules that name it count its size.
    const size = wanted.maxEntries ?? Math.max(found.maxEntries, wanted.entries.length);
    if (added.length + removed.length === 0 && size === found.maxEntries) continue;
    const detail = [...added.map((cidr) => `+${cidr}`), ...removed.map((cidr) => `-${cidr}`)].join(' ');
    plan.change('prefix lists', 'prefixLists', name, detail || `${size} entries at most`, {
      method: 'PATCH',
      path: pathTo('prefix-list', found.prefixListId),
      body: {
        maxEntries: size === found.maxEntries ? undefined : size,
        addEntries: added.length > 0 ? added.map((cidr) => ({ cidr })) : undefined,
        removeEntries: removed.length > 0 ? removed.map((cidr) => ({ cidr })) : undefined,
      },
    });
  }
}

/** The lab with nothing in it: planning it against what there is plans the lab's end. */
export function emptyLab(lab: string): Lab {
  const parts = Object.fromEntries(PARTS.map((part) => [part, {}])) as unknown as Pick<Lab, Part>;
  return { lab, expect: [], expectLines: [], ...parts };
}
