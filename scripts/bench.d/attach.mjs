// From the attach call to the first packet answered, with few and with many interfaces on the host, beside the kernel work alone done in
// three ways.
import { bringUp } from './crowd.mjs';
import { rawNetlink, reference } from './reference.mjs';
import { msSince, now, prober, startDaemon, timesBeside, warmUp, world } from './support.mjs';

const FEW = 10;

export async function attach({ rounds, interfaces }) {
  const daemon = await startDaemon();
  const raw = await rawNetlink();
  const ip = reference();
  const probers = [];
  try {
    const place = await world(daemon);
    const [client, target] = [await place.instance(), await place.instance()];
    const [meter, server] = [prober(client.instanceId), prober(target.instanceId)];
    probers.push(meter, server);
    await server.ask({ do: 'echo', port: 7000 }).answer;
    const spare = await place.eni();
    const results = [];
    for (const [count, added] of [
      [FEW, FEW],
      [interfaces, interfaces - FEW],
    ]) {
      await bringUp(daemon, { ...place, interfaces: added });
      const times = await measure({ daemon, raw, ip, meter, target, spare, rounds });
      results.push(...rows(times, count));
    }
    return results;
  } finally {
    for (const each of probers) each.end();
    ip.dispose();
    await raw.dispose();
    await daemon.dispose();
  }
}

async function measure({ daemon, raw, ip, meter, target, spare, rounds }) {
  const address = spare.privateIpAddresses[0].privateIpAddress;
  const path = `/v1/network-interfaces/${spare.networkInterfaceId}`;
  const times = { packet: [], call: [], raw: [], batch: [], single: [] };
  const attach = () => daemon.call('POST', `${path}/attach`, { instanceId: target.instanceId, deviceIndex: 1 });
  const detach = () => daemon.call('POST', `${path}/detach`, {});
  await warmUp(async () => {
    await attach();
    await raw.attach();
    await detach();
  });
  for (let i = -1; i < rounds; i++) {
    const { begun, answer } = meter.ask({ do: 'first', address, port: 7000 });
    await begun;
    const start = now();
    await attach();
    const call = msSince(start);
    const { at } = await answer;
    if (at === null) throw new Error('no packet was answered');
    const sample = {
      packet: Math.max(msSince(start, BigInt(at)), 0),
      call,
      raw: await raw.attach(),
      batch: ip.batch(),
      single: ip.single(),
    };
    // In the first one the meter has yet to learn where the address is.
    if (i >= 0) for (const [name, value] of Object.entries(sample)) times[name].push(value);
    await detach();
  }
  return times;
}

function rows(times, count) {
  const result = (what, ...beside) => timesBeside(`attach, ${count} interfaces: call to ${what}`, ...beside);
  const netlink = 'kernel work by netlink in process';
  return [
    result('first packet answered', times.packet, netlink, times.raw, '≤ 5, p99 ≤ 20, × ≤ 4'),
    result('its answer', times.call, netlink, times.raw),
    result('first packet answered', times.packet, 'two `ip -batch`', times.batch),
    result('first packet answered', times.packet, 'one `ip` per command', times.single),
  ];
}
