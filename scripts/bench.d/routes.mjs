// From the call that changes a route of a table that 200 subnets use to the first packet on the new way, beside a change in a VPC with
// one subnet and the same change made by one `ip route replace`.
import { execFileSync } from 'node:child_process';
import { msSince, now, prober, startDaemon, timesBeside, world } from './support.mjs';

const SUBNETS = 200;
const SERVICE = '192.168.99.1';
/** Namespace of its own: a change by hand in the router would be looked into by the daemon. */
const REFERENCE = 'bench-route';

export async function routes({ rounds }) {
  const [few, many] = [await measure(1, rounds), await measure(SUBNETS, rounds)];
  return [
    timesBeside(`route change with ${SUBNETS} subnets: call to first packet`, many.packet, 'with one subnet', few.packet),
    timesBeside(`route change with ${SUBNETS} subnets: call to its answer`, many.call, 'with one subnet', few.call),
    timesBeside(`route change with ${SUBNETS} subnets: call to first packet`, many.packet, 'one `ip route replace`', many.single),
  ];
}

async function measure(subnets, rounds) {
  const daemon = await startDaemon();
  const probers = [];
  execFileSync('ip', ['netns', 'add', REFERENCE]);
  try {
    const { call } = daemon;
    const { vpcId, instance, groupId } = await world(daemon);
    const { routeTableId: table } = await call('POST', '/v1/route-tables', { vpcId });
    // Each with a table of its own that has the route too would be another case; here all share one, as a fleet of subnets does.
    const subnetIds = [];
    for (let i = 0; i < subnets; i++) {
      const body = { vpcId, cidrBlock: `10.0.${64 + (i >> 2)}.${(i & 3) * 64}/26` };
      const { subnetId } = await call('POST', '/v1/subnets', body);
      await call('POST', `/v1/route-tables/${table}/associations`, { subnetId });
      subnetIds.push(subnetId);
    }
    // Every subnet is in use, so that nothing of it is left out.
    const others = subnetIds.slice(1).map((subnetId) => ({ subnetId, groupIds: [groupId] }));
    for (const place of others.filter((_, i) => i % 4 === 0)) await call('POST', '/v1/instances', { instanceType: 't3.nano', ...place });
    const client = await instance({ subnetId: subnetIds[0] });
    const nodes = [];
    for (let i = 0; i < 2; i++) {
      const { instanceId, networkInterfaces } = await instance();
      const { networkInterfaceId } = networkInterfaces[0];
      await call('PATCH', `/v1/network-interfaces/${networkInterfaceId}`, { sourceDestCheck: false });
      const server = prober(instanceId);
      probers.push(server);
      await server.ask({ do: 'echo', port: 7000 }).answer;
      nodes.push({ instanceId, networkInterfaceId });
    }
    // Only one of the two has the address: a packet that is answered has taken the new way.
    const [wrong, right] = nodes;
    execFileSync('ip', ['-n', right.instanceId, 'addr', 'add', `${SERVICE}/32`, 'dev', 'lo']);
    const path = `/v1/route-tables/${table}/routes`;
    const destination = `${SERVICE}/32`;
    await call('POST', path, { destination, networkInterfaceId: wrong.networkInterfaceId });
    const meter = prober(client.instanceId);
    probers.push(meter);
    const times = { packet: [], call: [], single: [] };
    for (let i = 0; i < rounds + 2; i++) {
      const { begun, answer } = meter.ask({ do: 'first', address: SERVICE, port: 7000 });
      await begun;
      const start = now();
      await call('PUT', path, { destination, networkInterfaceId: right.networkInterfaceId });
      const answered = msSince(start);
      const { at } = await answer;
      if (at === null) throw new Error('no packet was answered');
      const singleStart = now();
      execFileSync('ip', ['-n', REFERENCE, 'route', 'replace', 'blackhole', destination, 'table', '4000']);
      const single = msSince(singleStart);
      await call('PUT', path, { destination, networkInterfaceId: wrong.networkInterfaceId });
      if (i < 2) continue;
      times.packet.push(Math.max(msSince(start, BigInt(at)), 0));
      times.call.push(answered);
      times.single.push(single);
    }
    return times;
  } finally {
    for (const each of probers) each.end();
    execFileSync('ip', ['netns', 'del', REFERENCE]);
    await daemon.dispose();
  }
}
