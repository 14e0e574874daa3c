import { z } from 'zod';
import type { ElasticIp } from '../../model/elastic-ip.js';
import { type NounOptions, nounAction, nounRoutes } from './noun.js';
import { commandRoute } from './route.js';
import { nounFields, pick, shownId, type ViewContext } from './view.js';

export const ElasticIpView = z
  .strictObject({
    allocationId: shownId('elasticIp'),
    publicIp: z.string(),
    kind: z.enum(['elastic', 'automatic']).describe('automatic: given to an instance at its start, and gone when it stops.'),
    association: z
      .strictObject({
        associationId: shownId('elasticIpAssociation'),
        networkInterfaceId: shownId('networkInterface'),
        privateIpAddress: z.string(),
        vpcId: shownId('vpc'),
        instanceId: shownId('instance').optional().describe('The instance that the interface is attached to.'),
      })
      .optional(),
    ...nounFields,
  })
  .meta({ id: 'ElasticIp' });

export function elasticIpView(address: ElasticIp, { snapshot }: ViewContext): z.output<typeof ElasticIpView> {
  const { association } = address;
  const attachment = association && snapshot.get('networkInterface', association.networkInterfaceId)?.attachment;
  return {
    ...pick(address, ['allocationId', 'publicIp', 'kind', 'ownerId', 'tags']),
    ...(association && {
      association: {
        ...pick(association, ['associationId', 'networkInterfaceId', 'privateIpAddress', 'vpcId']),
        ...(attachment && { instanceId: attachment.instanceId }),
      },
    }),
  };
}

const elasticIp: NounOptions<'elasticIp'> = {
  kind: 'elasticIp',
  noun: 'ElasticIp',
  plural: 'ElasticIps',
  path: '/v1/elastic-ips',
  idField: 'allocationId',
  schema: ElasticIpView,
  view: elasticIpView,
  create: { command: 'allocateAddress', settle: false },
  delete: 'releaseAddress',
  tag: 'Elastic addresses',
};

export const elasticIpRoutes = [
  ...nounRoutes(elasticIp),
  nounAction(elasticIp, 'associate', 'associateAddress'),
  commandRoute({
    method: 'DELETE',
    path: '/v1/elastic-ip-associations/:associationId',
    params: { associationId: 'elasticIpAssociation' },
    tag: elasticIp.tag,
    command: 'disassociateAddress',
    status: 204,
  }),
];
