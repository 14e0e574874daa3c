import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { parseAclText } from '../lab/acl-text.js';
import { RuleTextError } from '../lab/rule-text.js';
import * as lab from '../lab/wire.js';
import { type NounName, nounOfId, resourcePath } from '../nouns.js';
import { action, fetchResource, resolveId, type Session } from '../session.js';
import { showResource } from './describe.js';
import { examples, given } from './shared.js';

/** What is done with gateways and what belongs to them once they are made. */
export function gatewayCommands(program: Command, io: Io): void {
  gatewayVerbs(program, io);
  addressVerbs(program, io);
  peeringVerbs(program, io);
  aclVerbs(program, io);
  vpnVerbs(program, io);

  program
    .command('dhcp')
    .description('DHCP options of a VPC')
    .command('use')
    .description('Give a VPC other DHCP options')
    .argument('<vpc>', 'id or name')
    .argument('<options>', 'DHCP options, id or name; default: the standard ones')
    .action(
      action(io, async (session, [vpc, options]) => {
        const id = await resolveId(session, 'vpc', vpc);
        const dhcpOptionsId = options === 'default' ? options : await resolveId(session, 'dhcp-options', options);
        await session.client.request('POST', `${resourcePath('vpc', id)}/dhcp-options`, { dhcpOptionsId });
        await showById(session, 'vpc', id);
      }),
    );
}

async function showById(session: Session, noun: NounName, id: string): Promise<void> {
  showResource(session, noun, await fetchResource(session, noun, id));
}

function gatewayVerbs(program: Command, io: Io): void {
  const gateway = program.command('gateway').description('Attach or detach an internet gateway or a VPN gateway');
  const kindOf = (idOrName: string, options: { vpn?: boolean }): 'internet-gateway' | 'vpn-gateway' =>
    options.vpn || nounOfId(idOrName) === 'vpn-gateway' ? 'vpn-gateway' : 'internet-gateway';
  gateway
    .command('attach')
    .description('Attach a gateway to a VPC')
    .argument('<gateway>', 'id, or name of an internet gateway')
    .argument('<vpc>', 'id or name')
    .option('--vpn', 'the name is of a VPN gateway')
    .addHelpText('after', examples('eni gateway attach igw main', 'eni gateway attach office main --vpn'))
    .action(
      action(io, async (session, [name, vpc], options) => {
        const noun = kindOf(name, options);
        const id = await resolveId(session, noun, name);
        await session.client.request('POST', `${resourcePath(noun, id)}/attach`, { vpcId: await resolveId(session, 'vpc', vpc) });
        await showById(session, noun, id);
      }),
    );
  gateway
    .command('detach')
    .description('Detach a gateway from its VPC; routes to it become blackholes')
    .argument('<gateway>', 'id, or name of an internet gateway')
    .option('--vpn', 'the name is of a VPN gateway')
    .action(
      action(io, async (session, [name], options) => {
        const noun = kindOf(name, options);
        const id = await resolveId(session, noun, name);
        await session.client.request('POST', `${resourcePath(noun, id)}/detach`, {});
        await showById(session, noun, id);
      }),
    );
}

function addressVerbs(program: Command, io: Io): void {
  const address = program.command('address').description('Associate elastic addresses');
  address
    .command('associate')
    .description('Put an elastic address on an interface, at once; it leaves the one that it was on')
    .argument('<address>', 'id, name, or the address itself')
    .argument('<target>', 'interface or instance; a name is an interface')
    .option('--private-address <address>', "which of the interface's (default: the primary one)")
    .option('--no-reassociation', 'refuse when either side is associated already')
    .addHelpText('after', examples('eni address associate www web-public', 'eni address associate 203.0.113.7 i-0123456789abcdef0'))
    .action(
      action(io, async (session, [name, target], options) => {
        const id = await resolveId(session, 'address', name);
        const body = given({
          ...(nounOfId(target) === 'instance'
            ? { instanceId: target }
            : { networkInterfaceId: await resolveId(session, 'interface', target) }),
          privateIpAddress: options.privateAddress,
          allowReassociation: options.reassociation ? undefined : false,
        });
        await session.client.request('POST', `${resourcePath('address', id)}/associate`, body);
        await showById(session, 'address', id);
      }),
    );
  address
    .command('disassociate')
    .description('Take an elastic address off its interface; it stays allocated')
    .argument('<address>', 'id, name, or the address itself')
    .action(
      action(io, async (session, [name]) => {
        const { allocationId, association } = lab.ElasticAddress.parse(await fetchResource(session, 'address', name));
        if (association)
          await session.client.request('DELETE', `/v1/elastic-ip-associations/${encodeURIComponent(association.associationId)}`);
        await showById(session, 'address', allocationId);
      }),
    );
}

function peeringVerbs(program: Command, io: Io): void {
  const peering = program.command('peering').description('Answer a request for a peering connection');
  for (const [verb, summary] of [
    ['accept', 'Accept it; routes decide what goes through'],
    ['reject', 'Refuse it'],
  ] as const)
    peering
      .command(verb)
      .description(summary)
      .argument('<peering>', 'id or name')
      .action(
        action(io, async (session, [name]) => {
          const id = await resolveId(session, 'peering', name);
          await session.client.request('POST', `${resourcePath('peering', id)}/${verb}`, {});
          await showById(session, 'peering', id);
        }),
      );
}

function aclVerbs(program: Command, io: Io): void {
  const acl = program.command('acl').description('Entries of network ACLs, and the subnets that have them');
  acl
    .command('add')
    .description('Add an entry, or change the one with its number')
    .argument('<acl>', 'id or name')
    .argument('<entry>', "'NUMBER allow|deny TRAFFIC from|to RANGE'")
    .addHelpText('after', examples("eni acl add dmz '100 allow tcp/80 from anywhere'", "eni acl add dmz '90 deny all to 10.0.9.0/24'"))
    .action(
      action(io, async (session, [name, text]) => {
        const entry = entryOf(text);
        const current = lab.NetworkAcl.parse(await fetchResource(session, 'acl', name));
        const isThere = current.entries.some((e) => e.ruleNumber === entry.ruleNumber && e.egress === entry.egress);
        await session.client.request(isThere ? 'PUT' : 'POST', `${resourcePath('acl', current.networkAclId)}/entries`, entry);
        await showById(session, 'acl', current.networkAclId);
      }),
    );
  acl
    .command('remove')
    .description('Remove an entry')
    .argument('<acl>', 'id or name')
    .argument('<number>', 'its number')
    .argument('<direction>', 'ingress or egress')
    .action(
      action(io, async (session, [name, number, direction]) => {
        if (direction !== 'ingress' && direction !== 'egress')
          throw new UsageError(`the direction is ingress or egress, not '${direction}'`);
        const id = await resolveId(session, 'acl', name);
        const entry = { ruleNumber: Number(number), egress: direction === 'egress' };
        await session.client.request('DELETE', `${resourcePath('acl', id)}/entries`, entry);
        await showById(session, 'acl', id);
      }),
    );
  acl
    .command('use')
    .description('Give a subnet this network ACL')
    .argument('<acl>', 'id or name')
    .argument('<subnet>', 'id or name')
    .action(
      action(io, async (session, [name, subnet]) => {
        const networkAclId = await resolveId(session, 'acl', name);
        const subnetId = await resolveId(session, 'subnet', subnet);
        const acls = (await session.client.list('/v1/network-acls')).map((each) => lab.NetworkAcl.parse(each));
        const association = acls.flatMap((each) => each.associations).find((each) => each.subnetId === subnetId);
        if (!association) throw new UsageError(`'${subnet}' is no subnet`);
        await session.client.request('PUT', `/v1/network-acl-associations/${encodeURIComponent(association.associationId)}`, {
          networkAclId,
        });
        await showById(session, 'acl', networkAclId);
      }),
    );
}

function entryOf(text: string) {
  try {
    return parseAclText(text, /\bto\b/.test(text) ? 'egress' : 'ingress');
  } catch (error) {
    if (error instanceof RuleTextError) throw new UsageError(error.message);
    throw error;
  }
}

function vpnVerbs(program: Command, io: Io): void {
  const route = program.command('vpn').description('VPN connections').command('route').description('Ranges behind the customer gateway');
  for (const [verb, method] of [
    ['add', 'POST'],
    ['delete', 'DELETE'],
  ] as const)
    route
      .command(verb)
      .description(verb === 'add' ? 'Add a range' : 'Delete a range')
      .argument('<vpn>', 'id or name')
      .argument('<range>')
      .action(
        action(io, async (session, [name, destination]) => {
          const id = await resolveId(session, 'vpn', name);
          await session.client.request(method, `${resourcePath('vpn', id)}/routes`, { destination });
          await showById(session, 'vpn', id);
        }),
      );

  program
    .command('propagate')
    .description('Let the routes that a VPN gateway knows appear in a route table')
    .argument('<table>', 'route table, id or name')
    .argument('<vpn-gateway>', 'id or name')
    .option('--off', 'no longer')
    .action(
      action(io, async (session, [table, gateway], options) => {
        const id = await resolveId(session, 'route-table', table);
        const gatewayId = await resolveId(session, 'vpn-gateway', gateway);
        const path = `${resourcePath('route-table', id)}/propagations/${encodeURIComponent(gatewayId)}`;
        await session.client.request(options.off ? 'DELETE' : 'PUT', path);
        await showById(session, 'route-table', id);
      }),
    );
}
