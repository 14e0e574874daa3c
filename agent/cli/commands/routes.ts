import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { type NounName, nounOfId, resourcePath } from '../nouns.js';
import { action, fetchResource, resolveId, type Session } from '../session.js';
import * as wire from '../wire.js';
import { showResource } from './describe.js';
import { examples } from './shared.js';

export function routeCommands(program: Command, io: Io): void {
  const route = program.command('route').description('Set or delete the routes of a route table');
  route
    .command('set')
    .description('Send a destination to an interface, an instance, a gateway or a peering connection')
    .argument('<table>', 'route table, id or name')
    .argument('<destination>', 'range')
    .argument('<target>', 'id of any of these, or local; a name is an interface')
    .addHelpText('after', examples('eni route set private 0.0.0.0/0 nat-eni', 'eni route set public 0.0.0.0/0 igw-0123456789abcdef0'))
    .action(
      action(io, async (session, [table, destination, target]) => {
        const current = wire.RouteTable.parse(await fetchResource(session, 'route-table', table));
        const field = target === 'local' ? 'gatewayId' : TARGET_FIELDS[nounOfId(target) ?? 'interface'];
        if (field === undefined) throw new UsageError(`a route cannot lead to ${target}`);
        const body = { destination, [field]: field === 'networkInterfaceId' ? await resolveId(session, 'interface', target) : target };
        const isThere = current.routes.some((r) => r.destination === destination && r.origin !== 'EnableVgwRoutePropagation');
        await session.client.request(isThere ? 'PUT' : 'POST', routesPath(current.routeTableId), body);
        await showTable(session, current.routeTableId);
      }),
    );
  route
    .command('delete')
    .description('Delete a route')
    .argument('<table>', 'route table, id or name')
    .argument('<destination>', 'range')
    .action(
      action(io, async (session, [table, destination]) => {
        const id = await resolveId(session, 'route-table', table);
        await session.client.request('DELETE', routesPath(id), { destination });
        await showTable(session, id);
      }),
    );

  program
    .command('associate')
    .description('Use a route table for a subnet, instead of the main one or the one it has')
    .argument('<table>', 'route table, id or name')
    .argument('<subnet>', 'id or name')
    .action(
      action(io, async (session, [table, subnet]) => {
        const id = await resolveId(session, 'route-table', table);
        const subnetId = await resolveId(session, 'subnet', subnet);
        await disassociate(session, subnetId);
        await session.client.request('POST', `${resourcePath('route-table', id)}/associations`, { subnetId });
        await showTable(session, id);
      }),
    );

  program
    .command('disassociate')
    .description('Let a subnet use the main route table again')
    .argument('<subnet>', 'id or name')
    .action(
      action(io, async (session, [subnet]) => {
        const subnetId = await resolveId(session, 'subnet', subnet);
        await disassociate(session, subnetId);
        showResource(session, 'subnet', await fetchResource(session, 'subnet', subnetId));
      }),
    );
}

/** Field of the request that names a target of each kind. */
const TARGET_FIELDS: { readonly [N in NounName]?: string } = {
  interface: 'networkInterfaceId',
  instance: 'instanceId',
  'internet-gateway': 'gatewayId',
  'vpn-gateway': 'gatewayId',
  'nat-gateway': 'natGatewayId',
  'egress-gateway': 'egressOnlyInternetGatewayId',
  peering: 'vpcPeeringConnectionId',
};

const routesPath = (routeTableId: string): string => `${resourcePath('route-table', routeTableId)}/routes`;

async function showTable(session: Session, id: string): Promise<void> {
  showResource(session, 'route-table', await fetchResource(session, 'route-table', id));
}

async function disassociate(session: Session, subnetId: string): Promise<void> {
  const tables = (await session.client.list('/v1/route-tables')).map((table) => wire.RouteTable.parse(table));
  const association = tables.flatMap((table) => table.associations).find((a) => a.subnetId === subnetId);
  if (association) await session.client.request('DELETE', `/v1/route-table-associations/${encodeURIComponent(association.associationId)}`);
}
