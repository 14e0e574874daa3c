import { z } from 'zod';
import type { DhcpOptions } from '../../model/dhcp-options.js';
import { nounRoutes } from './noun.js';
import { nounFields, pick, shownId } from './view.js';

export const DhcpOptionsView = z
  .strictObject({
    dhcpOptionsId: shownId('dhcpOptions'),
    domainName: z.string().optional(),
    domainNameServers: z.array(z.string()),
    ...nounFields,
  })
  .meta({ id: 'DhcpOptions' });

export function dhcpOptionsView(options: DhcpOptions): z.output<typeof DhcpOptionsView> {
  return { ...pick(options, ['dhcpOptionsId', 'domainName', 'ownerId', 'tags']), domainNameServers: [...options.domainNameServers] };
}

export const dhcpOptionsRoutes = nounRoutes({
  kind: 'dhcpOptions',
  noun: 'DhcpOptions',
  plural: 'DhcpOptionsSets',
  path: '/v1/dhcp-options',
  idField: 'dhcpOptionsId',
  schema: DhcpOptionsView,
  view: dhcpOptionsView,
  create: { command: 'createDhcpOptions', settle: false },
  delete: 'deleteDhcpOptions',
  tag: 'DHCP options',
});
