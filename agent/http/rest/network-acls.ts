import { z } from 'zod';
import type { NetworkAcl } from '../../model/network-acl.js';
import { nounRoutes } from './noun.js';
import { nounFields, pick, shownId } from './view.js';

const EntryView = z
  .strictObject({
    ruleNumber: z.number().int(),
    egress: z.boolean(),
    ruleAction: z.enum(['allow', 'deny']),
    protocol: z.string(),
    cidr: z.string(),
    portRange: z.strictObject({ from: z.number().int(), to: z.number().int() }).optional(),
    icmp: z.strictObject({ type: z.number().int(), code: z.number().int() }).optional(),
  })
  .meta({ id: 'NetworkAclEntry' });

export const NetworkAclView = z
  .strictObject({
    networkAclId: shownId('networkAcl'),
    vpcId: shownId('vpc'),
    isDefault: z.boolean(),
    associations: z.array(z.strictObject({ associationId: z.string(), subnetId: shownId('subnet') })),
    entries: z.array(EntryView),
    ...nounFields,
  })
  .meta({ id: 'NetworkAcl' });

export function networkAclView(acl: NetworkAcl): z.output<typeof NetworkAclView> {
  return {
    ...pick(acl, ['networkAclId', 'vpcId', 'isDefault', 'ownerId', 'tags']),
    associations: acl.associations.map((association) => pick(association, ['associationId', 'subnetId'])),
    entries: acl.entries.map((entry) => pick(entry, ['ruleNumber', 'egress', 'ruleAction', 'protocol', 'cidr', 'portRange', 'icmp'])),
  };
}

export const networkAclRoutes = nounRoutes({
  kind: 'networkAcl',
  noun: 'NetworkAcl',
  plural: 'NetworkAcls',
  path: '/v1/network-acls',
  idField: 'networkAclId',
  schema: NetworkAclView,
  view: networkAclView,
  tag: 'Network ACLs',
});
