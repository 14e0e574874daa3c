import { z } from 'zod';
import type { NetworkAcl } from '../../model/network-acl.js';
import type { Snapshot } from '../../model/snapshot.js';
import { nounRoutes } from './noun.js';
import { commandRoute } from './route.js';
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

const AssociationView = z
  .strictObject({ associationId: z.string(), networkAclId: shownId('networkAcl').optional(), subnetId: shownId('subnet').optional() })
  .meta({ id: 'NetworkAclAssociation' });

function associationView(associationId: string, snapshot: Snapshot): z.output<typeof AssociationView> {
  const [acl] = snapshot.by('networkAcl', 'associationId', associationId);
  const found = acl?.associations.find((association) => association.associationId === associationId);
  return { associationId, ...(acl && { networkAclId: acl.networkAclId }), ...(found && { subnetId: found.subnetId }) };
}

const TAG = 'Network ACLs';
const entries = { path: '/v1/network-acls/:networkAclId/entries', params: { networkAclId: 'networkAcl' }, tag: TAG } as const;
const answer = {
  response: NetworkAclView,
  render: ({ params, find }: { params: { networkAclId: string }; find: any }) => networkAclView(find('networkAcl', params.networkAclId)),
};

export const networkAclRoutes = [
  ...nounRoutes({
    kind: 'networkAcl',
    noun: 'NetworkAcl',
    plural: 'NetworkAcls',
    path: '/v1/network-acls',
    idField: 'networkAclId',
    schema: NetworkAclView,
    view: networkAclView,
    create: { command: 'createNetworkAcl', settle: false },
    delete: 'deleteNetworkAcl',
    tag: TAG,
  }),
  commandRoute({ ...entries, ...answer, method: 'POST', command: 'createNetworkAclEntry', status: 201 }),
  commandRoute({ ...entries, ...answer, method: 'PUT', command: 'replaceNetworkAclEntry', status: 200 }),
  commandRoute({ ...entries, method: 'DELETE', command: 'deleteNetworkAclEntry', status: 204 }),
  commandRoute({
    path: '/v1/network-acl-associations/:associationId',
    params: { associationId: 'networkAclAssociation' },
    tag: TAG,
    method: 'PUT',
    command: 'replaceNetworkAclAssociation',
    status: 200,
    response: AssociationView,
    render: ({ result, context }) => associationView(result.associationId, context.snapshot),
  }),
];
