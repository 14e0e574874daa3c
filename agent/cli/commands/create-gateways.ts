import type { Command } from 'commander';
import type { Io } from '../io.js';
import { resourcePath } from '../nouns.js';
import { action, fetchResource, resolveId } from '../session.js';
import type { Submit } from './create.js';
import { showResource } from './describe.js';
import { collect, examples, parseCount } from './shared.js';

/** `eni create` for gateways and what belongs to them. `verb` makes a subcommand with the options that all have. */
export function createGatewayCommands(verb: (usage: string, summary: string) => Command, io: Io, submit: Submit): void {
  verb('internet-gateway', 'A way to the internet for interfaces with public addresses')
    .option('--attach <vpc>', 'attach it to this VPC at once; id or name')
    .addHelpText('after', examples('eni create internet-gateway --attach main --name igw', 'eni route set public 0.0.0.0/0 igw-…'))
    .action(
      action(io, async (session, _args, options) => {
        const vpcId = options.attach && (await resolveId(session, 'vpc', options.attach));
        const created = await submit(session, 'internet-gateway', options, {});
        const id = String(created.internetGatewayId);
        if (vpcId) await session.client.request('POST', `${resourcePath('internet-gateway', id)}/attach`, { vpcId });
        showResource(session, 'internet-gateway', await fetchResource(session, 'internet-gateway', id));
      }),
    );

  verb('egress-gateway', 'A way out for IPv6, for connections from inside only')
    .argument('<vpc>', 'id or name')
    .action(
      action(io, async (session, [vpc], options) => {
        const vpcId = await resolveId(session, 'vpc', vpc);
        showResource(session, 'egress-gateway', await submit(session, 'egress-gateway', options, { vpcId }));
      }),
    );

  verb('address', 'An elastic address out of the public pool')
    .option('--public-ip <address>', 'this one of the pool (default: the lowest free one)')
    .addHelpText('after', examples('eni create address --name www', 'eni address associate www web-public'))
    .action(
      action(io, async (session, _args, options) =>
        showResource(session, 'address', await submit(session, 'address', options, { publicIp: options.publicIp })),
      ),
    );

  verb('nat-gateway', 'A gateway that lends its address to a private subnet')
    .argument('<subnet>', 'where its interface is; id or name')
    .option('--address <address>', 'elastic address, id, name or address: a public gateway')
    .option('--private-address <address>', "its interface's address (default: a free one)")
    .addHelpText('after', examples('eni create nat-gateway public --address nat-ip', 'eni create nat-gateway app    (a private one)'))
    .action(
      action(io, async (session, [subnet], options) => {
        const allocationId = options.address && (await resolveId(session, 'address', options.address));
        const body = {
          subnetId: await resolveId(session, 'subnet', subnet),
          connectivityType: allocationId ? 'public' : 'private',
          allocationId,
          privateIpAddress: options.privateAddress,
        };
        showResource(session, 'nat-gateway', await submit(session, 'nat-gateway', options, body));
      }),
    );

  verb('peering', 'Ask for a peering connection of two VPCs')
    .argument('<vpc>', 'id or name')
    .argument('<peer>', 'VPC that is asked; id or name')
    .addHelpText('after', examples('eni create peering main data --name to-data', 'eni peering accept to-data'))
    .action(
      action(io, async (session, [vpc, peer], options) => {
        const body = { vpcId: await resolveId(session, 'vpc', vpc), peerVpcId: await resolveId(session, 'vpc', peer) };
        showResource(session, 'peering', await submit(session, 'peering', options, body));
      }),
    );

  verb('acl', 'A network ACL; lets nothing through until it has entries')
    .argument('<vpc>', 'id or name')
    .addHelpText('after', examples('eni create acl main --name dmz', "eni acl add dmz '100 allow tcp/80 from anywhere'"))
    .action(
      action(io, async (session, [vpc], options) => {
        const vpcId = await resolveId(session, 'vpc', vpc);
        showResource(session, 'acl', await submit(session, 'acl', options, { vpcId }));
      }),
    );

  verb('vpn-gateway', "The VPC's end of VPN connections")
    .option('--attach <vpc>', 'attach it to this VPC at once; id or name')
    .option('--asn <number>', 'autonomous system number', parseNumber)
    .action(
      action(io, async (session, _args, options) => {
        const vpcId = options.attach && (await resolveId(session, 'vpc', options.attach));
        const created = await submit(session, 'vpn-gateway', options, { amazonSideAsn: options.asn });
        const id = String(created.vpnGatewayId);
        if (vpcId) await session.client.request('POST', `${resourcePath('vpn-gateway', id)}/attach`, { vpcId });
        showResource(session, 'vpn-gateway', await fetchResource(session, 'vpn-gateway', id));
      }),
    );

  verb('customer-gateway', 'The router of another network')
    .argument('<address>', "its address in the lab's internet")
    .option('--asn <number>', 'autonomous system number', parseNumber)
    .option('--device <text>', 'what it is')
    .addHelpText('after', examples('eni create customer-gateway 192.0.2.10 --name office'))
    .action(
      action(io, async (session, [ipAddress], options) => {
        const body = { ipAddress, bgpAsn: options.asn, deviceName: options.device };
        showResource(session, 'customer-gateway', await submit(session, 'customer-gateway', options, body));
      }),
    );

  verb('vpn', 'A tunnel between a VPN gateway and a customer gateway')
    .argument('<vpn-gateway>', 'id or name')
    .argument('<customer-gateway>', 'id or name')
    .option('--route <range>', 'range behind the customer gateway; repeatable', collect, [])
    .option('--static', 'no BGP')
    .addHelpText('after', examples('eni create vpn vgw office --static --route 192.168.0.0/16', 'eni propagate main-table vgw'))
    .action(
      action(io, async (session, [gateway, customer], options) => {
        const created = await submit(session, 'vpn', options, {
          vpnGatewayId: await resolveId(session, 'vpn-gateway', gateway),
          customerGatewayId: await resolveId(session, 'customer-gateway', customer),
          staticRoutesOnly: options.static,
        });
        const id = String(created.vpnConnectionId);
        for (const destination of options.route) await session.client.request('POST', `${resourcePath('vpn', id)}/routes`, { destination });
        showResource(session, 'vpn', await fetchResource(session, 'vpn', id));
      }),
    );

  verb('dhcp-options', 'Domain name and name servers for the instances of a VPC')
    .option('--domain <name>', 'domain name')
    .option('--name-server <address>', "address, or AmazonProvidedDNS for the VPC's resolver; repeatable", collect, [])
    .addHelpText('after', examples('eni create dhcp-options --domain corp.example --name corp', 'eni dhcp use main corp'))
    .action(
      action(io, async (session, _args, options) => {
        const body = { domainName: options.domain, domainNameServers: options.nameServer };
        showResource(session, 'dhcp-options', await submit(session, 'dhcp-options', options, body));
      }),
    );
}

function parseNumber(value: string): number {
  return value.length > 5 && /^[1-9]\d{5,9}$/.test(value) ? Number(value) : parseCount(value);
}
