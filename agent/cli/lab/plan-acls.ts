import { type AclEntrySpec, aclEntryKey } from './acl-text.js';
import type { LabPlan } from './plan.js';
import { type Id, pathTo, type Step, type Template } from './steps.js';

/** Network ACLs: numbered entries, and the subnets that use them. Other subnets use their VPC's default one. */
export function planNetworkAcls(plan: LabPlan): void {
  for (const [name, found] of plan.gone('networkAcls')) {
    const early = plan.vpcGoes(found.vpcId);
    if (!early) plan.retire('networkAcls', name, found.networkAclId);
    plan.delete(early ? 'empty vpcs' : 'delete tables', 'networkAcls', name, found.networkAclId);
  }
  for (const [name, { vpc, subnets, ingress, egress }] of plan.missing('networkAcls')) {
    const id = plan.id('networkAcls', name);
    plan.create('network acls', 'networkAcls', name, { vpcId: plan.id('vpcs', vpc) });
    setEntries(plan, name, id, [...ingress, ...egress], []);
    for (const subnet of subnets) associate(plan, name, id, subnet);
  }
  for (const { name, wanted, found } of plan.kept('networkAcls')) {
    const id = found.networkAclId;
    setEntries(plan, name, id, [...wanted.ingress, ...wanted.egress], found.entries as readonly AclEntrySpec[]);
    const has = new Set(found.associations.map(({ subnetId }) => subnetId));
    for (const subnet of wanted.subnets) if (!has.has(plan.knownId('subnets', subnet) ?? '')) associate(plan, name, id, subnet);
  }
  planReturns(plan);
}

/** Subnets that stay and are in no list any more go back to the default ACL. */
function planReturns(plan: LabPlan): void {
  const wanted = new Set(Object.values(plan.lab.networkAcls).flatMap(({ subnets }) => subnets));
  for (const { name, found } of plan.kept('subnets')) {
    if (wanted.has(name)) continue;
    const holder = [...plan.current.networkAcls].find(([, acl]) => acl.associations.some(({ subnetId }) => subnetId === found.subnetId));
    const standard = [...plan.current.vpcs.values()].find(({ vpcId }) => vpcId === found.vpcId)?.defaultNetworkAclId;
    if (!holder || typeof standard !== 'string') continue;
    plan.change('network acls', 'networkAcls', holder[0], `no longer use it for subnet ${name}`, use(name, standard, found.subnetId));
  }
}

function setEntries(plan: LabPlan, name: string, acl: Id, wanted: readonly AclEntrySpec[], found: readonly AclEntrySpec[]): void {
  const path = pathTo('acl', acl, 'entries');
  const place = ({ egress, ruleNumber }: AclEntrySpec) => `${egress} ${ruleNumber}`;
  const existing = new Map(found.map((entry) => [place(entry), entry]));
  for (const entry of wanted) {
    const now = existing.get(place(entry));
    if (now && aclEntryKey(now) === aclEntryKey(entry)) continue;
    const { ruleNumber, egress, ruleAction, protocol, cidr, portRange, icmp } = entry;
    const body: Template = { ruleNumber, egress, ruleAction, protocol, cidr, portRange, icmp };
    plan.change('network acls', 'networkAcls', name, entryText(entry), { method: now ? 'PUT' : 'POST', path, body });
  }
  const places = new Set(wanted.map(place));
  for (const [key, { ruleNumber, egress }] of existing)
    if (!places.has(key))
      plan.change('network acls', 'networkAcls', name, `no ${egress ? 'egress' : 'ingress'} entry ${ruleNumber}`, {
        method: 'DELETE',
        path,
        body: { ruleNumber, egress },
      });
}

const entryText = ({ ruleNumber, egress, ruleAction, protocol, cidr }: AclEntrySpec): string =>
  `${ruleNumber} ${ruleAction} ${protocol === '-1' ? 'all' : protocol} ${egress ? 'to' : 'from'} ${cidr}`;

function associate(plan: LabPlan, name: string, acl: Id, subnet: string): void {
  plan.change('network acls', 'networkAcls', name, `use it for subnet ${subnet}`, use(subnet, acl, plan.id('subnets', subnet)));
}

/** Replaces whatever ACL the subnet has. */
function use(subnet: string, networkAclId: Id, subnetId: Id): Pick<Step, 'method' | 'path' | 'body' | 'finds'> {
  const key = `network ACL association of subnet/${subnet}`;
  return { method: 'PUT', path: ['/v1/network-acl-associations/', { $ref: key }], body: { networkAclId }, finds: { key, subnetId } };
}
