import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Guest } from '../../agent/commands/guest.js';
import { Containers } from '../../agent/guests/containers.js';
import { resolveLocal } from '../../agent/guests/resolve.js';
import type { InstanceHolder } from '../../agent/model/instance.js';
import { startApi, type TestApi } from '../support/api.js';
import { cliOver, fetchInto, temporaryFile } from '../support/cli.js';
import { FakeEngine } from '../support/fake-engine.js';

/** Labs whose instances are namespaces of others, against the API: `up` registers them, `down` lets go of them. */

const lab = (instances: string) => `lab: guests
vpcs: { v: { cidr: 10.0.0.0/16 } }
subnets: { s: { vpc: v, cidr: 10.0.1.0/24 } }
interfaces: { spare: { subnet: s } }
instances:
${instances}`;

const engine = new FakeEngine();
const containers = new Containers({ engine, log: { info: () => {}, warn: () => {} }, tracked: () => [], onChange: () => {} });
const container = async (name: string, networkMode = 'none') => {
  await engine.create({ name, image: 'busybox', hostname: name, dnsServers: [], dnsSearch: '', labels: {} });
  const found = await engine.inspect(name);
  if (found) engine.containers.set(found.id, { ...found, networkMode });
};

const guest = (holder: InstanceHolder, title: string): Guest => ({ holder, title, devices: ['lo'], hasDefaultRoute: false });
const ID = 'ab12'.repeat(16);
/** Guests that are there; all else is looked up in the engine's fake and on this machine. */
const THERE: Readonly<Record<string, Guest>> = {
  web: guest({ kind: 'container', containerId: ID, name: 'web' }, 'container web'),
  blue: guest({ kind: 'namespace', name: 'blue' }, 'network namespace blue'),
  bridged: {
    ...guest({ kind: 'container', containerId: 'cd34'.repeat(16), name: 'bridged' }, 'container bridged'),
    devices: ['lo', 'eth0'],
    hasDefaultRoute: true,
  },
};

let api: TestApi;
let file: ReturnType<typeof temporaryFile>;
let eni: ReturnType<typeof cliOver>;
beforeEach(async () => {
  api = await startApi({
    guests: (reference) =>
      THERE[reference.containerId ?? reference.netns ?? ''] ??
      (reference.containerId === undefined ? resolveLocal(reference) : containers.resolve(reference.containerId)),
  });
  eni = cliOver({ fetch: fetchInto(api) });
  file = temporaryFile('lab.yaml');
});
afterEach(async () => {
  file.remove();
  await api.close();
});

/** What a run of `eni lab` did, as `verb subject: detail`, without what every lab has. */
async function labRun(verb: 'up' | 'down', text: string): Promise<string[]> {
  const { code, out, err } = await eni('--json', 'lab', verb, file.write(text));
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const steps = JSON.parse(out).steps as { verb: string; subject: string; detail?: string }[];
  return steps
    .filter(({ subject }) => !/^(vpc|subnet) /.test(subject))
    .map((step) => [`${step.verb} ${step.subject}`, ...(step.detail === undefined ? [] : [step.detail])].join(': '));
}
const instances = async () => (await api.ok('GET', '/v1/instances')).items.filter((each: any) => each.state === 'running');
const places = (instance: any) => instance.networkInterfaces.map((each: any) => each.attachment.deviceIndex);

describe('eni lab with guests', () => {
  const both = lab('  web: { container: web, interfaces: [{ subnet: s }, spare] }\n  blue: { netns: blue, interfaces: [{ subnet: s }] }\n');

  it('up registers them with their interfaces; the second time there is nothing to do; down lets go of them', async () => {
    expect(await labRun('up', both)).toEqual([
      'create interface spare',
      'create interface web-eth0',
      'create interface blue-eth0',
      'create instance web: register container web',
      'create instance blue: register network namespace blue',
    ]);
    const before = api.store.snapshot().revision;
    expect(await labRun('up', both)).toEqual([]);
    expect(api.store.snapshot().revision).toBe(before);
    const [web, blue] = (await instances()).sort((a: any, b: any) => b.tags['enid:name'].localeCompare(a.tags['enid:name']));
    expect([web.holder.name, places(web), blue.holder.name, places(blue)]).toEqual(['web', [0, 1], 'blue', [0]]);
    expect(await labRun('down', both)).toContain('delete instance web');
    expect(await instances()).toEqual([]);
    expect((await api.ok('GET', '/v1/vpcs')).items).toEqual([]);
  });

  const web = (fields: string) => lab(`  web: { ${fields} }\n`);
  const remade = ['delete instance web', 'create instance web: register container web'];
  it.each<[name: string, from: string, to: string, steps: string[]]>([
    ['by its id instead of its name', 'container: web, interfaces: [spare]', `container: ${ID.slice(0, 12)}, interfaces: [spare]`, []],
    [
      'the type',
      'container: web, interfaces: [spare]',
      'container: web, type: t3.large, interfaces: [spare]',
      ['change instance web: stop', 'change instance web: type t3.large', 'change instance web: start'],
    ],
    [
      'a second interface',
      'container: web, interfaces: [{ subnet: s }]',
      'container: web, interfaces: [{ subnet: s }, spare]',
      ['change interface spare: attach as eth1 of web'],
    ],
    ['another guest', 'netns: blue, interfaces: [spare]', 'container: web, interfaces: [spare]', remade],
    ['a guest, not one of its own', 'interfaces: [spare]', 'container: web, interfaces: [spare]', remade],
    [
      'one of its own, not a guest',
      'container: web, interfaces: [spare]',
      'interfaces: [spare]',
      ['delete instance web', 'create instance web'],
    ],
    ['another device index', 'container: web, index: 1, interfaces: [spare]', 'container: web, interfaces: [spare]', remade],
    [
      'an interface in place at another device index',
      'container: web, interfaces: [{ subnet: s }]',
      'container: web, index: 1, interfaces: [{ subnet: s }]',
      ['delete instance web', 'delete interface web-eth0', 'create interface web-eth1', 'create instance web: register container web'],
    ],
  ])('an edit does only what differs: %s', async (_name, from, to, steps) => {
    await labRun('up', web(from));
    expect(await labRun('up', web(to))).toEqual(steps);
    expect(await labRun('up', web(to))).toEqual([]);
  });

  it('one with a network of its own takes interfaces from device index 1 on', async () => {
    const text = web('container: bridged, index: 1, interfaces: [{ subnet: s }, spare]');
    await labRun('up', text);
    expect(places((await instances())[0])).toEqual([1, 2]);
    expect(await labRun('up', text)).toEqual([]);
    // A primary interface that was attached by hand can't be taken out of a running instance.
    const [{ instanceId }] = await instances();
    await eni('detach', 'spare');
    await api.ok('POST', `/v1/network-interfaces/${(await named('spare')).networkInterfaceId}/attach`, { instanceId, deviceIndex: 0 });
    expect(await labRun('up', text)).toEqual(['delete instance web', 'create instance web: register container bridged']);
    expect(await labRun('up', text)).toEqual([]);
  });
  const named = async (name: string) =>
    (await api.ok('GET', '/v1/network-interfaces')).items.find((each: any) => each.tags['enid:name'] === name);

  it('waits in vain for one that stops again, and says why', async () => {
    api.host.realises = false;
    const run = eni('lab', 'up', file.write(web('netns: blue, interfaces: [spare]')));
    const [instanceId] = await vi.waitFor(() => {
      const ids = api.store
        .snapshot()
        .all('instance')
        .map((each) => each.instanceId);
      expect(ids).toHaveLength(1);
      return ids;
    });
    await api.deps.transact([{ command: 'guestStopped', input: { instanceId, reason: 'there is no network namespace blue' } }]);
    api.host.realises = true;
    await api.deps.settle(api.store.snapshot());
    const { code, err } = await run;
    expect(code).toBe(1);
    expect(err).toMatch(
      /^NotSettled: create instance web: register network namespace blue: it is stopped again: .*there is no network namespace blue/,
    );
  });

  it.each<[string, () => Promise<unknown>, fields: string, code: string, says: string]>([
    ['an unknown container', async () => {}, 'container: nobody', 'InvalidParameterValue', "There is no container 'nobody'"],
    ['a stopped one', () => container('idle'), 'container: idle', 'IncorrectState', 'start it first'],
    ["one with the host's network", () => container('hostly', 'host'), 'container: hostly', 'OperationNotPermitted', '--network none'],
    [
      "one with another's network",
      () => container('sharing', 'container:web'),
      'container: sharing',
      'OperationNotPermitted',
      'shares the network of web',
    ],
    ['one with a network of its own, at device index 0', async () => {}, 'container: bridged', 'IncorrectState', 'device eth0 of its own'],
    ['an unknown namespace', async () => {}, 'netns: nobody', 'InvalidParameterValue', 'ip netns list'],
    ["the host's own", async () => {}, `pid: ${process.pid}`, 'OperationNotPermitted', "the host's own or the daemon's"],
    ['an unknown process', async () => {}, 'pid: 4194304', 'InvalidParameterValue', 'There is no process 4194304'],
    [
      'one that is registered already',
      async () => {
        const { subnetId } = await api
          .ok('POST', '/v1/vpcs', { cidrBlock: '10.9.0.0/16' })
          .then(({ vpcId }) => api.ok('POST', '/v1/subnets', { vpcId, cidrBlock: '10.9.1.0/24' }));
        await api.ok('POST', '/v1/instances/register', { netns: 'blue', subnetId });
      },
      'netns: blue',
      'Resource.AlreadyAssociated',
      'terminate it first',
    ],
  ])('refused: %s', async (_name, make, fields, code, says) => {
    await make();
    const { code: exit, err } = await eni('lab', 'up', file.write(web(`${fields}, interfaces: [spare]`)));
    expect(exit).toBe(1);
    expect(err).toMatch(new RegExp(`^${code}: create instance web: register `));
    expect(err).toContain(says);
    expect(await instances()).toHaveLength(code === 'Resource.AlreadyAssociated' ? 1 : 0);
  });
});
