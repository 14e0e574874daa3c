// What a packet costs on its way from one instance to another, with many interfaces, groups and rules on the host, beside other ways to
// connect two namespaces, all taken in turn: direct veth, a plain bridge, docker0, the bridge of CNI's plugin, a router without rules, and
// one that tracks connections and lets all pass.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cni, hasContainers, startEngine } from './containers.mjs';
import { median, prober, round, startDaemon, world } from './support.mjs';

const GROUPS = 50;
const RULES = 500;
const FEW = 10;
const PORT = 7000;
const FLOWS = 65_536;
/** New flows come from that many addresses of the sender, as from a busy server. */
const SOURCES = 8;

export async function path({ rounds, interfaces }) {
  // The product drops what is above its limit of flows, and is meant to: what is measured here stays below.
  const daemon = await startDaemon({ args: ['--flows-per-interface', String(FLOWS)] });
  const others = { direct: direct(), bridge: bridge(), router: router('router', 2), tracked: router('tracked', 4, { tracks: true }) };
  if (hasContainers()) Object.assign(others, { docker: await docker(), cni: cniBridge() });
  let meter;
  try {
    const { enid, addInterfaces } = await crowd(daemon);
    const all = { ...others, enid };
    meter = await startMeter(Object.values(all));
    await addInterfaces(FEW);
    const few = await measure(meter, { router: all.router, tracked: all.tracked, enid }, rounds, ['udp', 'flows']);
    await addInterfaces(interfaces - FEW);
    const many = await measure(meter, all, rounds);
    return [...rows(many, interfaces), ...flat(few, many, interfaces)];
  } finally {
    meter?.end();
    for (const each of Object.values(others)) await each.dispose();
    await daemon.dispose();
  }
}

/** `samples` of a round: many short ones, as the machine's speed changes within a second; TCP takes its time to get up to speed. */
const KINDS = {
  udp: { what: 'one-way 64-byte UDP', unit: 'kpps', samples: 5, ask: { do: 'udp', ms: 30 }, rate: ({ arrived, ms }) => arrived / ms },
  flows: { what: 'new flows', unit: 'k/s', samples: 5, ask: { do: 'flows', count: 256 }, rate: ({ arrived, ms }) => arrived / ms },
  tcp: { what: 'TCP', unit: 'Gbit/s', samples: 5, ask: { do: 'tcp', ms: 100 }, rate: ({ bytes, ms }) => (bytes * 8) / ms / 1e6 },
};

const BRIDGES = [
  ['bridge', 'a plain bridge'],
  ['docker', 'docker0'],
  ['cni', 'CNI’s bridge'],
];

const REFERENCES = {
  udp: [['router', 'the same path without rules', '≥ 0.8'], ['direct', 'a direct veth pair'], ...BRIDGES],
  flows: [
    ['tracked', 'the same path, tracking without rules', '≥ 0.85'],
    ['router', 'the same path without rules'],
    ['direct', 'a direct veth pair'],
    ...BRIDGES,
  ],
  tcp: [['direct', 'a direct veth pair', '≥ 0.9'], ...BRIDGES, ['router', 'the same path without rules']],
};

function rows(rates, interfaces) {
  return Object.entries(KINDS).flatMap(([kind, { what, unit }]) =>
    REFERENCES[kind]
      .filter(([other]) => rates[other])
      .map(([other, name, goal]) => ({
        what: `packet path, ${interfaces} interfaces, ${GROUPS} groups, ${RULES} rules: ${what}`,
        unit,
        value: round(median(rates.enid[kind])),
        reference: { what: name, value: round(median(rates[other][kind])) },
        // Of the rounds' own ratios: what disturbs a round disturbs both.
        ratio: round(median(rates.enid[kind].map((rate, i) => rate / rates[other][kind][i]))),
        goal: goal && `× ${goal}`,
      })),
  );
}

/** Against the first reference, whose own rate the machine's moods change too. */
function flat(few, many, interfaces) {
  const relative = (rates, kind) => median(rates.enid[kind].map((rate, i) => rate / rates[REFERENCES[kind][0][0]][kind][i]));
  return ['udp', 'flows'].map((kind) => ({
    what: `packet path: ${KINDS[kind].what}, share of ${REFERENCES[kind][0][1]}, with ${interfaces} interfaces`,
    unit: '',
    value: round(relative(many, kind)),
    reference: { what: `with ${FEW} interfaces`, value: round(relative(few, kind)) },
    ratio: round(relative(many, kind) / relative(few, kind)),
    goal: '× 0.9 to 1.1',
  }));
}

async function measure(meter, paths, rounds, kinds = Object.keys(KINDS)) {
  const rates = Object.fromEntries(Object.keys(paths).map((name) => [name, { udp: [], flows: [], tcp: [] }]));
  for (let i = 0; i < rounds + 1; i++) {
    for (const kind of kinds) {
      const { samples, ask, rate } = KINDS[kind];
      for (let n = 0; n < samples; n++) {
        for (const [name, path] of shuffled(Object.entries(paths))) {
          const sample = rate(await meter.run(path, ask));
          // The first round warms everything up.
          if (i > 0) rates[name][kind].push(sample);
        }
      }
    }
  }
  return rates;
}

/** In another order each time: what one path leaves behind is not always the same other one's cost. */
function shuffled(values) {
  const places = values.map((value) => ({ value, place: Math.random() }));
  return places.sort((a, b) => a.place - b.place).map(({ value }) => value);
}

/** One source and one sink, each on a processor of its own, for all the paths; `run` tells how much arrived. */
async function startMeter(paths) {
  const [source, target] = [0, cpus().length - 1].map((cpu) => prober(undefined, 'blaster', cpu));
  await target.ask({ do: 'sink', in: paths.map(({ to }) => to), port: PORT }).answer;
  const counted = async ({ to, device }) => (await target.ask({ do: 'received', from: to, device }).answer).packets;
  return {
    run: async (path, ask) => {
      const { from, address, sources } = path;
      const before = await counted(path);
      const result = await source.ask({ ...ask, from, address, sources, port: PORT }).answer;
      return { ...result, arrived: (await counted(path)) - before };
    },
    end: () => {
      source.end();
      target.end();
    },
  };
}

/** Two instances of enid's with a group of the many, and a way to add interfaces that spread over all groups. */
async function crowd(daemon) {
  const { call } = daemon;
  const { vpcId, subnetId, groupId } = await world(daemon);
  // As at the other routers, the two ends are in different subnets: to a neighbour in its own one, a raw socket makes a route for each packet.
  const { subnetId: other } = await call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.64.0/18' });
  const groups = [];
  for (let i = 0; i < GROUPS; i++) {
    const group = await call('POST', '/v1/security-groups', { vpcId, groupName: `group-${i}`, description: 'one of many' });
    const rules = Array.from({ length: RULES / GROUPS }, (_, n) => ({
      protocol: n % 2 ? 'udp' : 'tcp',
      fromPort: 8000 + i * 20 + n,
      toPort: 8000 + i * 20 + n,
      peer: n % 3 === 0 && groups[0] ? { groupId: groups[(i * 7) % groups.length] } : { cidr: `10.0.${i}.0/24` },
    }));
    await call('POST', `/v1/security-groups/${group.groupId}/rules`, { direction: 'ingress', rules });
    groups.push(group.groupId);
  }
  const launch = async (count, networkInterfaces) =>
    (await call('POST', '/v1/instances', { instanceType: 'c5.4xlarge', count, networkInterfaces })).instances;
  const own = async (index, more = {}) => (await launch(1, [{ deviceIndex: 0, subnetId, groupIds: [groups[index], groupId], ...more }]))[0];
  const [client, server] = [await own(3, { secondaryPrivateIpAddressCount: SOURCES - 1 }), await own(7, { subnetId: other })];
  const { networkInterfaces } = await call('GET', `/v1/instances/${client.instanceId}`);
  const sources = networkInterfaces[0].privateIpAddresses.map(({ privateIpAddress }) => privateIpAddress);
  let next = 0;
  return {
    enid: { from: client.instanceId, to: server.instanceId, address: server.privateIpAddress, device: 'eth0', sources },
    addInterfaces: async (count) => {
      for (let left = count; left > 0; ) {
        const each = Math.min(4, left);
        const instances = each === 4 ? Math.min(5, left >> 2) : 1;
        const group = groups[next++ % GROUPS];
        await launch(
          instances,
          Array.from({ length: each }, (_, deviceIndex) => ({ deviceIndex, subnetId, groupIds: [group] })),
        );
        left -= each * instances;
      }
    },
  };
}

const ip = (...argv) => execFileSync('ip', argv, { encoding: 'utf8' });

function namespaces(...names) {
  for (const name of names) {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
  return () => {
    for (const name of names) ip('netns', 'del', name);
  };
}

function veth(one, oneDevice, other, otherDevice) {
  ip('-n', one, 'link', 'add', oneDevice, 'type', 'veth', 'peer', 'name', otherDevice, 'netns', other);
  ip('-n', one, 'link', 'set', oneDevice, 'up');
  ip('-n', other, 'link', 'set', otherDevice, 'up');
}

function direct() {
  const dispose = namespaces('bench-d1', 'bench-d2');
  veth('bench-d1', 'eth0', 'bench-d2', 'eth0');
  ip('-n', 'bench-d1', 'addr', 'add', '10.98.0.1/24', 'dev', 'eth0');
  ip('-n', 'bench-d2', 'addr', 'add', '10.98.0.2/24', 'dev', 'eth0');
  return { from: 'bench-d1', to: 'bench-d2', address: '10.98.0.2', device: 'eth0', dispose };
}

function bridge() {
  const dispose = namespaces('bench-b1', 'bench-b2', 'bench-bridge');
  ip('-n', 'bench-bridge', 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', 'bench-bridge', 'link', 'set', 'br0', 'up');
  for (const n of [1, 2]) {
    veth('bench-bridge', `p${n}`, `bench-b${n}`, 'eth0');
    ip('-n', 'bench-bridge', 'link', 'set', `p${n}`, 'master', 'br0');
    ip('-n', `bench-b${n}`, 'addr', 'add', `10.98.1.${n}/24`, 'dev', 'eth0');
  }
  return { from: 'bench-b1', to: 'bench-b2', address: '10.98.1.2', device: 'eth0', dispose };
}

/** Two containers on docker0. */
async function docker() {
  const engine = await startEngine();
  const [one, two] = ['bench-docker1', 'bench-docker2'];
  for (const name of [one, two]) {
    const { State } = await engine.ask('GET', `/containers/${await engine.run(name, 'bridge')}/json`);
    ip('netns', 'attach', name, String(State.Pid));
  }
  const dispose = async () => {
    for (const name of [one, two]) ip('netns', 'del', name);
    await engine.dispose();
  };
  return { from: one, to: two, address: addressOf(two), device: 'eth0', dispose };
}

/** Two namespaces that CNI's plugin has put on its bridge, in a namespace where Docker's rules do not drop what they do not know. */
function cniBridge() {
  const dir = mkdtempSync(join(tmpdir(), 'enid-bench-cni-'));
  const [one, two, host] = ['bench-cni1', 'bench-cni2', 'bench-cni'];
  const end = namespaces(one, two, host);
  const plugs = [one, two].map((name) => cni(`/run/netns/${name}`, name, dir, host));
  for (const plug of plugs) plug('ADD');
  const dispose = () => {
    for (const plug of plugs) plug('DEL');
    end();
    rmSync(dir, { recursive: true, force: true });
  };
  return { from: one, to: two, address: addressOf(two), device: 'eth0', dispose };
}

const addressOf = (name) => /inet ([\d.]+)\//.exec(ip('-n', name, '-4', 'addr', 'show', 'eth0'))[1];

/** `tracks`: it also tracks connections, as every stateful filter must, and lets all of them pass. */
function router(name, net, { tracks = false } = {}) {
  const [one, two, middle] = [`bench-${name}1`, `bench-${name}2`, `bench-${name}`];
  const dispose = namespaces(one, two, middle);
  const inside = (...argv) => execFileSync('ip', ['netns', 'exec', middle, ...argv]);
  inside('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  if (tracks) inside('iptables', '-A', 'FORWARD', '-m', 'conntrack', '--ctstate', 'NEW,ESTABLISHED', '-j', 'ACCEPT');
  for (const [n, end] of [one, two].entries()) {
    veth(middle, `p${n}`, end, 'eth0');
    ip('-n', middle, 'addr', 'add', `10.98.${net + n}.1/24`, 'dev', `p${n}`);
    for (let i = 0; i < SOURCES; i++) ip('-n', end, 'addr', 'add', `10.98.${net + n}.${2 + i}/24`, 'dev', 'eth0');
    ip('-n', end, 'route', 'add', 'default', 'via', `10.98.${net + n}.1`);
  }
  const sources = Array.from({ length: SOURCES }, (_, i) => `10.98.${net}.${2 + i}`);
  return { from: one, to: two, address: `10.98.${net + 1}.2`, device: 'eth0', sources, dispose };
}
