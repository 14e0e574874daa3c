// The longest silence that a client at one packet per millisecond sees while a service switches to another instance, for each way to
// do it, beside the same stream with no switch.
import { execFileSync } from 'node:child_process';
import { median, prober, quantile, round, startDaemon, world } from './support.mjs';
import { during, switches } from './switches.mjs';

const SERVICE = '192.168.99.1';

export async function failover({ rounds }) {
  const daemon = await startDaemon();
  const probers = [];
  try {
    const { call } = daemon;
    const { vpcId, groupId, instance, eni } = await world(daemon);
    await call('POST', `/v1/security-groups/${groupId}/rules`, {
      direction: 'ingress',
      rules: [{ protocol: 'udp', fromPort: 7000, toPort: 7000, peer: { cidr: '198.51.100.0/24' } }],
    });
    const { internetGatewayId } = await call('POST', '/v1/internet-gateways', {});
    await call('POST', `/v1/internet-gateways/${internetGatewayId}/attach`, { vpcId });
    const { mainRouteTableId: table } = await call('GET', `/v1/vpcs/${vpcId}`);
    await call('POST', `/v1/route-tables/${table}/routes`, { destination: '0.0.0.0/0', gatewayId: internetGatewayId });

    const client = await instance();
    const nodes = [];
    for (let i = 0; i < 2; i++) {
      const { instanceId, networkInterfaces } = await instance();
      const { networkInterfaceId } = networkInterfaces[0];
      await call('PATCH', `/v1/network-interfaces/${networkInterfaceId}`, { sourceDestCheck: false });
      execFileSync('ip', ['-n', instanceId, 'addr', 'add', `${SERVICE}/32`, 'dev', 'lo']);
      const server = prober(instanceId);
      probers.push(server);
      await server.ask({ do: 'echo', port: 7000 }).answer;
      nodes.push({ instanceId, eni: networkInterfaceId });
    }
    const own = await eni();
    await call('POST', `/v1/network-interfaces/${own.networkInterfaceId}/attach`, { instanceId: nodes[0].instanceId, deviceIndex: 1 });
    const secondary = '10.0.9.9';
    await call('POST', `/v1/network-interfaces/${nodes[0].eni}/assign-private-ip-addresses`, { privateIpAddresses: [secondary] });
    const { allocationId, publicIp } = await call('POST', '/v1/elastic-ips', {});
    await call('POST', `/v1/elastic-ips/${allocationId}/associate`, { networkInterfaceId: nodes[0].eni });
    await call('POST', `/v1/route-tables/${table}/routes`, { destination: `${SERVICE}/32`, networkInterfaceId: nodes[0].eni });

    const [inside, outside] = [prober(client.instanceId), prober('internet')];
    probers.push(inside, outside);
    const methods = switches(call, {
      nodes,
      floating: { id: own.networkInterfaceId, address: own.privateIpAddresses[0].privateIpAddress },
      secondary,
      elastic: { id: allocationId, publicIp },
      route: { table, address: SERVICE },
    });
    const results = [];
    for (const [name, { address, fromInternet, to }] of Object.entries(methods)) {
      const meter = fromInternet ? outside : inside;
      const seen = { gap: [], still: [], lost: [], lostStill: [] };
      for (let i = 0, at = 1; i < rounds + 1; i++, at = 1 - at) {
        const quiet = await during(meter, address, async () => {});
        const moved = await during(meter, address, () => to(at));
        // The first round warms everything up.
        if (i === 0) continue;
        seen.still.push(quiet.gapMs);
        seen.gap.push(moved.gapMs);
        seen.lost.push(moved.lost);
        seen.lostStill.push(quiet.lost);
      }
      const pair = (what, unit, values, reference) => ({
        what: `failover by ${name}: ${what}`,
        unit,
        value: round(median(values)),
        p99: round(quantile(values, 0.99)),
        reference: { what: 'no switch', value: round(median(reference)) },
        ...(median(reference) > 0 && { ratio: round(median(values) / median(reference)) }),
      });
      results.push(
        pair('longest gap at 1 packet/ms', 'ms', seen.gap, seen.still),
        pair('packets lost', 'packets', seen.lost, seen.lostStill),
      );
    }
    return results;
  } finally {
    for (const each of probers) each.end();
    await daemon.dispose();
  }
}
