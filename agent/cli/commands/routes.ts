import type { Command } from 'commander';
import type { Io } from '../io.js';
import { nounOfId, resourcePath } from '../nouns.js';
import { action, fetchResource, resolveId, type Session } from '../session.js';
import * as wire from '../wire.js';
import { showResource } from './describe.js';
import { examples } from './shared.js';

export function routeCommands(program: Command, io: Io): void {
  const route = program.command('route').description('Set or delete the routes of a route table');
  route
    .command('set')
    .description('Send a destination to an interface, or to the first interface of an instance')
    .argument('<table>', 'route table, id or name')
    .argument('<destination>', 'range')
    .argument('<target>', 'interface or instance; a name is an interface')
    .addHelpText('after', examples('eni route set private 0.0.0.0/0 nat-eni'))
    .action(
      action(io, async (session, [table, destination, target]) => {
        const current = wire.RouteTable.parse(await fetchResource(session, 'route-table', table));
        const body =
          nounOfId(target) === 'instance'
            ? { destination, instanceId: target }
            : { destination, networkInterfaceId: await resolveId(session, 'interface', target) };
        const isThere = current.routes.some((r) => r.destination === destination);
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

const routesPath = (routeTableId: string): string => `${resourcePath('route-table', routeTableId)}/routes`;

async function showTable(session: Session, id: string): Promise<void> {
  showResource(session, 'route-table', await fetchResource(session, 'route-table', id));
}

async function disassociate(session: Session, subnetId: string): Promise<void> {
  const tables = (await session.client.list('/v1/route-tables')).map((table) => wire.RouteTable.parse(table));
  const association = tables.flatMap((table) => table.associations).find((a) => a.subnetId === subnetId);
  if (association) await session.client.request('DELETE', `/v1/route-table-associations/${encodeURIComponent(association.associationId)}`);
}
