import { describe, expect, it } from 'vitest';
import { type KernelObject, keyOf } from '../../../agent/kernel/port.js';
import { bootOf } from '../../../agent/planner/boot.js';
import { planUnit } from '../../../agent/planner/plan.js';
import { diff } from '../../../agent/reconcile/diff.js';
import { ofKind, SETTINGS, WorldBuilder } from '../../support/builders.js';

function lab() {
  const world = new WorldBuilder();
  const vpc = world.vpc();
  const subnet = world.subnet(vpc, '10.0.1.0/24');
  const instance = world.instance(vpc, { holder: { kind: 'namespace', name: 'blue' }, userData: 'reboot' });
  const eni = world.networkInterface(subnet, '10.0.1.10', { to: instance });
  world.routeTable(vpc, {
    main: true,
    index: 7,
    routes: [{ destination: '10.9.0.0/16', target: { kind: 'networkInterface', networkInterfaceId: eni.networkInterfaceId } }] as never,
  });
  const plan = (identity?: string) => {
    const holders = new Map(identity === undefined ? [] : [[instance.instanceId as string, { path: '/run/netns/blue', identity }]]);
    return [instance.instanceId, eni.networkInterfaceId].flatMap((unit) => planUnit(world.snapshot(), { ...SETTINGS, holders }, unit));
  };
  return { world, instance, plan };
}

const map = (objects: readonly KernelObject[]) => new Map(objects.map((object) => [keyOf(object), object]));

describe("an instance in somebody else's namespace", () => {
  it('puts its name on the namespace, and no settings in it', () => {
    const { instance, plan } = lab();
    const objects = plan('4:100');
    expect(ofKind(objects, 'netns')).toEqual([
      { kind: 'netns', netns: instance.instanceId, holder: { path: '/run/netns/blue', identity: '4:100' } },
    ]);
    expect(ofKind(objects, 'sysctl')).toEqual([]);
    expect(ofKind(objects, 'veth')).toHaveLength(1);
  });

  it('has nothing while the namespace is not there, but that routes to it stay closed', () => {
    const objects = lab().plan();
    expect(objects.filter((object) => object.kind !== 'route' || object.type !== 'blackhole')).toEqual([]);
  });

  it('runs no user data', () => {
    const { world, instance } = lab();
    expect(bootOf(world.snapshot(), { ...SETTINGS, region: 'us-east-1' }, instance.instanceId)).toMatchObject({ foreign: true });
  });

  it('is made anew in another namespace, and left alone in the same by another path', () => {
    const { plan } = lab();
    const before = map(plan('4:100'));
    const moved = diff(map(plan('4:200')), before);
    const inGuest = plan('4:200').filter(({ kind }) => ['netns', 'veth', 'address'].includes(kind));
    expect(moved.map(({ object }) => keyOf(object))).toEqual(expect.arrayContaining(inGuest.map(keyOf)));
    expect(moved.filter(({ verb }) => verb === 'delete')).toEqual([]);
    const renamed = plan('4:100').map((object) =>
      object.kind === 'netns' ? { ...object, holder: { path: '', identity: '4:100' } } : object,
    );
    expect(diff(map(renamed), before)).toEqual([]);
  });
});
