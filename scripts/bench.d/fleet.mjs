// Many interfaces on a quarter as many instances: until all answer, what they cost at rest, rules and groups with all of them as members,
// through a restart, until all are gone.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describes } from './api.mjs';
import { bringUp } from './crowd.mjs';
import { cpuSeconds, median, msSince, now, prober, quantile, round, startDaemon, world } from './support.mjs';

/** Within which V8 has collected what a comparison has left. */
const AFTERMATH_SECONDS = 30;
/** At rest is a daemon that has used next to nothing for so many looks, five seconds apart. */
const RESTING_LOOKS = 6;
const RESTING_CPU_SECONDS = 0.03;
const COMING_TO_REST_LOOKS = 24;
const FIRST_COMPARISON_MS = 60_000;

export async function fleet({ interfaces, rounds }) {
  const daemon = await startDaemon();
  try {
    const { instance, subnetId, groupId, vpcId } = await world(daemon);
    const client = await instance();
    const row = (what, unit, value, goal, digits = 0) => ({
      what: `${interfaces} interfaces: ${what}`,
      unit,
      value: round(value, digits),
      goal,
    });
    const up = await bringUp(daemon, { interfaces, subnetId, groupId });
    const reached = await reachAll(client.instanceId, up.addresses);
    const reachable = msSince(up.start);
    const lists = await describes(daemon, Math.min(rounds, 10), up.addresses.length, 'attached interfaces');
    const groups = await groupChanges(daemon, { vpcId, subnetId, groupId, client, members: up.members, rounds });
    const rest = await atRest(daemon);

    await daemon.stop();
    const restart = now();
    await daemon.start();
    const restarted = msSince(restart);
    const operations = (await scrape(daemon))('enid_reconcile_operations_total');

    const streamed = await restartUnderTraffic(daemon, client, await instance());

    const down = now();
    await daemon.call('POST', '/v1/reset');
    const gone = msSince(down);
    return [
      row(`on ${up.count} instances, calls answered`, 'ms', up.answered),
      row(`all reachable (${reached} of ${up.addresses.length} answered)`, 'ms', reachable, '≤ 5000'),
      ...lists,
      ...groups,
      row('memory of the daemon', 'MB', rest.memory, '≤ 150'),
      row('CPU at rest, from one comparison with the kernel to the next', '% of a core', rest.cpu, '< 0.5', 2),
      row('one comparison with the kernel and its garbage, CPU', 'ms', rest.comparison),
      row('pause until the next comparison', 's', rest.pause),
      row('restart until it serves', 'ms', restarted, '≤ 2000'),
      row('kernel operations of that restart', '', operations, '0'),
      row('packets lost over a restart, of 1 per ms', '', streamed.lost, '0'),
      {
        ...row('longest gap of that stream', 'ms', streamed.gapMs, undefined, 1),
        reference: { what: 'the same stream with no restart', value: round(streamed.still.gapMs) },
      },
      row('all gone', 'ms', gone, '≤ 3000'),
    ];
  } finally {
    await daemon.dispose();
  }
}

const STREAM_MS = 5000;

/** One packet per ms between two instances while the daemon stops and starts, and the same without. The stream takes a core: not for times. */
async function restartUnderTraffic(daemon, client, { instanceId, privateIpAddress: address }) {
  const [meter, server] = [prober(client.instanceId), prober(instanceId)];
  try {
    await server.ask({ do: 'echo', port: 7000 }).answer;
    const stream = () => meter.ask({ do: 'stream', address, port: 7000, ms: STREAM_MS });
    const still = await stream().answer;
    const { begun, answer } = stream();
    await begun;
    await daemon.stop();
    await daemon.start();
    return { ...(await answer), still };
  } finally {
    for (const each of [meter, server]) each.end();
  }
}

/** Pings every address from one instance until all have answered; bounded. Returns how many did. */
function reachAll(netns, addresses) {
  return new Promise((resolve) => {
    const argv = ['netns', 'exec', netns, 'fping', '--alive', '--retry', '5', '--timeout', '200', '--interval', '1'];
    execFile('ip', [...argv, ...addresses], { maxBuffer: 1 << 24 }, (_error, stdout) => resolve(stdout.split('\n').filter(Boolean).length));
  });
}

/**
 * A rule is added to the group that all interfaces are in, and one interface joins and leaves a group that it lets in: from the call to
 * the first packet that passes. The rule that all of the VPC may do all is taken away for that long.
 */
async function groupChanges(daemon, { vpcId, subnetId, groupId, client, rounds }) {
  const { call } = daemon;
  const probers = [];
  try {
    const { groupId: guarded } = await call('POST', '/v1/security-groups', { vpcId, groupName: 'guarded', description: 'lets guests in' });
    const { groupId: guests } = await call('POST', '/v1/security-groups', { vpcId, groupName: 'guests', description: 'may come in' });
    const ingress = (port, peer) => ({ direction: 'ingress', rules: [{ protocol: 'udp', fromPort: port, toPort: port, peer }] });
    await call('POST', `/v1/security-groups/${guarded}/rules`, ingress(7001, { groupId: guests }));
    const place = { instanceType: 't3.nano', subnetId };
    const server = (await call('POST', '/v1/instances', { ...place, groupIds: [groupId] })).instances[0];
    const house = (await call('POST', '/v1/instances', { ...place, groupIds: [guarded] })).instances[0];
    const meter = prober(client.instanceId);
    const echoes = [prober(server.instanceId), prober(house.instanceId)];
    probers.push(meter, ...echoes);
    await echoes[0].ask({ do: 'echo', port: 7000 }).answer;
    await echoes[1].ask({ do: 'echo', port: 7001 }).answer;
    const own = client.networkInterfaces[0].networkInterfaceId;
    const open = await openRule(daemon, groupId);
    await call('DELETE', `/v1/security-groups/${groupId}/rules`, { ruleIds: [open.ruleId] });
    const times = { rule: [], join: [], joined: [], leave: [] };
    for (let i = 0; i < rounds + 2; i++) {
      const rule = await firstPacket(meter, server.privateIpAddress, 7000, () =>
        call('POST', `/v1/security-groups/${groupId}/rules`, ingress(7000, { cidr: '10.0.0.0/16' })),
      );
      const [added] = rule.result.rules.filter((each) => each.fromPort === 7000);
      await call('DELETE', `/v1/security-groups/${groupId}/rules`, { ruleIds: [added.ruleId] });
      const join = await firstPacket(meter, house.privateIpAddress, 7001, () =>
        call('PATCH', `/v1/network-interfaces/${own}`, { groupIds: [groupId, guests] }),
      );
      const left = now();
      await call('PATCH', `/v1/network-interfaces/${own}`, { groupIds: [groupId] });
      if (i < 2) continue;
      times.rule.push(rule.ms);
      times.join.push(join.ms);
      times.leave.push(msSince(left));
    }
    await call('POST', `/v1/security-groups/${groupId}/rules`, {
      direction: 'ingress',
      rules: [{ protocol: '-1', peer: { cidr: '10.0.0.0/16' } }],
    });
    const row = (what, values, goal) => ({
      what,
      unit: 'ms',
      value: round(median(values)),
      p99: round(quantile(values, 0.99)),
      goal,
    });
    return [
      row('rule added to a group of all of them: call to first packet', times.rule, '≤ 50'),
      row('an interface joins a group that is let in: call to first packet', times.join, '≤ 10'),
      row('an interface leaves it: call to answer', times.leave, '≤ 10'),
    ];
  } finally {
    for (const each of probers) each.end();
  }
}

async function openRule(daemon, groupId) {
  const { rules } = await daemon.call('GET', `/v1/security-groups/${groupId}`);
  return rules.find((rule) => rule.direction === 'ingress');
}

/** Milliseconds from the start of the work to the first packet answered. */
async function firstPacket(meter, address, port, work) {
  const { begun, answer } = meter.ask({ do: 'first', address, port });
  await begun;
  const start = now();
  const result = await work();
  const { at } = await answer;
  if (at === null) throw new Error('no packet was answered');
  return { ms: Math.max(msSince(start, BigInt(at)), 0), result };
}

/**
 * What is used from one of the periodic comparisons to the next: in its quiet seconds, and by a comparison with the collection of its garbage,
 * which comes later and in other threads. What is collected meanwhile of the busy time before is left out.
 */
async function atRest(daemon) {
  const pid = daemon.pid();
  await firstComparison(daemon);
  await comeToRest(pid);
  const quiet = { cpu: 0, seconds: 0 };
  for (let before = await comparisons(daemon); ; ) {
    // Asking the daemon was work for it, and has left garbage of its own.
    await comeToRest(pid);
    const { cost, memory } = await nextWork(pid, before.pause, quiet);
    const after = await comparisons(daemon);
    if (after.count > before.count) {
      const share = quiet.cpu / Math.max(quiet.seconds, 1) + cost / after.pause;
      return { cpu: share * 100, memory, comparison: cost * 1000, pause: after.pause };
    }
    before = after;
  }
}

/** CPU seconds of what the daemon does next, with its aftermath, and megabytes it has then. What it uses until then is added to `quiet`. */
async function nextWork(pid, pause, quiet) {
  for (const begin = now(); msSince(begin) < 1000 * pause + FIRST_COMPARISON_MS; ) {
    const [at, cpu] = [now(), cpuSeconds(pid)];
    await seconds(1);
    const used = cpuSeconds(pid) - cpu;
    if (used >= RESTING_CPU_SECONDS) {
      await seconds(AFTERMATH_SECONDS);
      return { cost: cpuSeconds(pid) - cpu, memory: residentMb(pid) };
    }
    quiet.cpu += used;
    quiet.seconds += msSince(at) / 1000;
  }
  throw new Error('no comparison came');
}

const residentMb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

async function comeToRest(pid) {
  let last = cpuSeconds(pid);
  for (let looks = 0, resting = 0; looks < COMING_TO_REST_LOOKS && resting < RESTING_LOOKS; looks++) {
    await seconds(5);
    const cpu = cpuSeconds(pid);
    resting = cpu - last < RESTING_CPU_SECONDS ? resting + 1 : 0;
    last = cpu;
  }
}

const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

async function comparisons(daemon) {
  const metrics = await scrape(daemon);
  return {
    count: metrics('enid_reconcile_comparison_cpu_seconds_count'),
    pause: metrics('enid_reconcile_comparison_pause_seconds'),
  };
}

async function firstComparison(daemon) {
  const begun = now();
  while ((await comparisons(daemon)).count === 0) {
    if (msSince(begun) > FIRST_COMPARISON_MS) throw new Error('no comparison came');
    await seconds(2);
  }
}

/** The daemon's metrics of one moment, by name. */
async function scrape(daemon) {
  const text = await (await fetch(`${daemon.endpoint}/metrics`)).text();
  return (name) => Number(new RegExp(`^${name} ([\\d.e+-]+)`, 'm').exec(text)?.[1]);
}
