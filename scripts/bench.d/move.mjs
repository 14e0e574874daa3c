// The longest silence that a client at one packet per millisecond sees while an interface moves, beside the same stream with no move.
import { median, prober, round, startDaemon, world } from './support.mjs';

export async function move({ rounds }) {
  const daemon = await startDaemon();
  const probers = [];
  try {
    const { instance, eni } = await world(daemon);
    const [client, primary, standby] = [await instance(), await instance(), await instance()];
    const meter = prober(client.instanceId);
    probers.push(meter);
    for (const each of [primary, standby]) {
      const server = prober(each.instanceId);
      probers.push(server);
      await server.ask({ do: 'echo', port: 7000 }).answer;
    }
    const floating = await eni();
    const address = floating.privateIpAddresses[0].privateIpAddress;
    const path = `/v1/network-interfaces/${floating.networkInterfaceId}`;
    await daemon.call('POST', `${path}/attach`, { instanceId: primary.instanceId, deviceIndex: 1 });
    const seen = { move: [], still: [], lost: [], lostStill: [] };
    let at = 0;
    for (let i = 0; i < rounds + 1; i++) {
      const quiet = await meter.ask({ do: 'stream', address, port: 7000, ms: 400 }).answer;
      const { begun, answer } = meter.ask({ do: 'stream', address, port: 7000, ms: 400 });
      await begun;
      await new Promise((resolve) => setTimeout(resolve, 150));
      at = 1 - at;
      await daemon.call('POST', `${path}/move`, { instanceId: [primary, standby][at].instanceId, deviceIndex: 1 });
      const moved = await answer;
      if (i === 0) continue;
      seen.still.push(quiet.gapMs);
      seen.move.push(moved.gapMs);
      seen.lost.push(moved.lost);
      seen.lostStill.push(quiet.lost);
    }
    const pair = (what, unit, values, referenceValues, goal) => ({
      what,
      unit,
      goal,
      value: round(median(values)),
      reference: { what: 'no move', value: round(median(referenceValues)) },
      ...(median(referenceValues) > 0 && { ratio: round(median(values) / median(referenceValues)) }),
    });
    return [
      pair('move: longest gap at 1 packet/ms', 'ms', seen.move, seen.still, '× ≤ 1.5'),
      pair('move: packets lost', 'packets', seen.lost, seen.lostStill, '0'),
    ];
  } finally {
    for (const each of probers) each.end();
    await daemon.dispose();
  }
}
