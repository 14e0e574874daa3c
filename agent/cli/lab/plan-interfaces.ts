import type { LabPlan } from './plan.js';
import { pathTo, type Template } from './steps.js';

export function planInterfaces(plan: LabPlan): void {
  for (const [name, found] of plan.gone('interfaces')) plan.delete('delete interfaces', 'interfaces', name, found.networkInterfaceId);
  for (const [name, wanted] of plan.missing('interfaces')) {
    const { subnet, address, addresses, ipv6, groups, mac, check, description } = wanted;
    plan.create('create interfaces', 'interfaces', name, {
      subnetId: plan.id('subnets', subnet),
      privateIpAddress: address,
      // Without a primary one the first of the list would become it: those are assigned afterwards.
      privateIpAddresses: address !== undefined && addresses.length > 0 ? addresses : undefined,
      ipv6Addresses: Array.isArray(ipv6) && ipv6.length > 0 ? ipv6 : undefined,
      ipv6AddressCount: typeof ipv6 === 'number' && ipv6 > 0 ? ipv6 : undefined,
      groupIds: groups?.map((group) => plan.id('groups', group)),
      macAddress: mac,
      sourceDestCheck: check,
      description,
    });
    if (address === undefined && addresses.length > 0)
      assign(plan, name, 'assign-private-ip-addresses', { privateIpAddresses: addresses }, addresses);
  }
  for (const { name } of plan.kept('interfaces')) planChanges(plan, name);
}

function planChanges(plan: LabPlan, name: string): void {
  const wanted = plan.lab.interfaces[name];
  const found = plan.current.interfaces.get(name);
  if (!wanted || !found) return;
  const body: Record<string, Template> = {};
  const details: string[] = [];
  if (wanted.check !== found.sourceDestCheck) {
    body.sourceDestCheck = wanted.check;
    details.push(`check ${wanted.check ? 'on' : 'off'}`);
  }
  if (wanted.description !== found.description) {
    body.description = wanted.description;
    details.push('description');
  }
  const groups = wanted.groups ?? ['default'];
  const groupIds = wanted.groups?.map((group) => plan.id('groups', group)) ?? defaultGroup(plan, found.vpcId);
  const has = new Set(found.groups.map((group) => group.groupId));
  if (groupIds.length !== has.size || groupIds.some((id) => typeof id !== 'string' || !has.has(id))) {
    body.groupIds = groupIds;
    details.push(`groups ${groups.join(', ')}`);
  }
  if (details.length > 0)
    plan.change('change interfaces', 'interfaces', name, details.join(', '), {
      method: 'PATCH',
      path: pathTo('interface', found.networkInterfaceId),
      body,
    });

  const secondary = found.privateIpAddresses.filter((a) => !a.primary).map((a) => a.privateIpAddress);
  const extra = secondary.filter((address) => !wanted.addresses.includes(address));
  const lacking = wanted.addresses.filter((address) => !secondary.includes(address));
  if (extra.length > 0) unassign(plan, name, 'unassign-private-ip-addresses', { privateIpAddresses: extra }, extra);
  if (lacking.length > 0) assign(plan, name, 'assign-private-ip-addresses', { privateIpAddresses: lacking }, lacking);
  planIpv6(plan, name, wanted.ipv6, found.ipv6Addresses);
}

function planIpv6(plan: LabPlan, name: string, wanted: number | readonly string[], found: readonly string[]): void {
  const extra = typeof wanted === 'number' ? found.slice(wanted) : found.filter((address) => !wanted.includes(address));
  if (extra.length > 0) unassign(plan, name, 'unassign-ipv6-addresses', { ipv6Addresses: extra }, extra);
  if (typeof wanted === 'number') {
    const count = wanted - found.length;
    if (count > 0) assign(plan, name, 'assign-ipv6-addresses', { ipv6AddressCount: count }, [`${count} IPv6`]);
    return;
  }
  const lacking = wanted.filter((address) => !found.includes(address));
  if (lacking.length > 0) assign(plan, name, 'assign-ipv6-addresses', { ipv6Addresses: lacking }, lacking);
}

function assign(plan: LabPlan, name: string, action: string, body: Template, addresses: readonly string[]): void {
  const path = pathTo('interface', plan.id('interfaces', name), action);
  plan.change('change interfaces', 'interfaces', name, `assign ${addresses.join(', ')}`, { method: 'POST', path, body });
}

function unassign(plan: LabPlan, name: string, action: string, body: Template, addresses: readonly string[]): void {
  const path = pathTo('interface', plan.id('interfaces', name), action);
  plan.change('unassign addresses', 'interfaces', name, `unassign ${addresses.join(', ')}`, { method: 'POST', path, body });
}

function defaultGroup(plan: LabPlan, vpcId: string): string[] {
  return [...plan.current.vpcs.values()].flatMap((vpc) => (vpc.vpcId === vpcId ? [vpc.defaultSecurityGroupId] : []));
}
