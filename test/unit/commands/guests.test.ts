import { describe, expect, it } from 'vitest';
import type { Guest } from '../../../agent/commands/guest.js';
import { city } from './world.js';

const BLUE: Guest = {
  holder: { kind: 'namespace', name: 'blue' },
  title: 'network namespace blue',
  devices: ['lo'],
  hasDefaultRoute: false,
};

function guests(guest: Partial<Guest> = {}) {
  const c = city();
  c.world.context = { ...c.world.context, guest: () => ({ ...BLUE, ...guest }) };
  const register = (fields: object = {}): string =>
    c.world.run('registerInstance', { netns: 'blue', subnetId: c.subnetId, ...fields }).instanceId;
  return { ...c, register };
}

describe('register', () => {
  it('makes an instance with an interface that goes with it', () => {
    const { world, register, primaryOf } = guests();
    const id = register({ tags: { Name: 'blue' } });
    expect(world.get('instance', id)).toMatchObject({ state: 'running', holder: BLUE.holder, tags: { Name: 'blue' } });
    expect(world.eni(primaryOf(id)).attachment).toMatchObject({ deviceIndex: 0, deleteOnTermination: true });
  });

  it('at another device index has no primary interface', () => {
    const { world, register, primaryOf } = guests({ devices: ['lo', 'eth0'], hasDefaultRoute: true });
    const id = register({ deviceIndex: 1 });
    expect(primaryOf(id)).toBe('');
    expect(world.state.by('networkInterface', 'instanceId', id)).toHaveLength(1);
  });

  it('again, with the same token, gives the first answer; without one, or under another token, it is refused', () => {
    const { world, register, subnetId } = guests();
    const id = register({ clientToken: 'a' });
    expect(register({ clientToken: 'a' })).toBe(id);
    for (const clientToken of [undefined, 'b'])
      world.refuse('registerInstance', { netns: 'blue', subnetId, clientToken }, 'Resource.AlreadyAssociated', new RegExp(id));
  });

  it('anew once the instance is terminated', () => {
    const { world, register } = guests();
    const id = register();
    world.run('terminateInstance', { instanceId: id });
    world.run('finishTerminate', { instanceId: id });
    expect(register()).not.toBe(id);
  });

  it.each<[string, Partial<Guest>, object, string, RegExp]>([
    ['nothing named', {}, { netns: undefined }, 'MissingParameter', /containerId, netns or pid/],
    ['two named', {}, { pid: 7 }, 'InvalidParameterCombination', /one of/],
    ['a container that is no name', {}, { netns: undefined, containerId: '../x' }, 'InvalidParameterValue', /container/],
    ['a name that is a path', {}, { netns: 'a/b' }, 'InvalidParameterValue', /run.netns/],
    ['process 0', {}, { netns: undefined, pid: 0 }, 'InvalidParameterValue', /pid/],
    ['user data, which would not run', {}, { userData: 'true' }, 'UnknownParameter', /userData/],
    ['the device name is taken', { devices: ['lo', 'eth0'] }, {}, 'IncorrectState', /eth0.*deviceIndex/],
    ['a second one is taken', { devices: ['eth2'] }, { deviceIndex: 2 }, 'IncorrectState', /eth2/],
    ['a default route of its own', { hasDefaultRoute: true }, {}, 'IncorrectState', /default route.*deviceIndex/],
    [
      'an index beside a list',
      {},
      { subnetId: undefined, networkInterfaces: [{}], deviceIndex: 1 },
      'InvalidParameterCombination',
      /into networkInterfaces/,
    ],
    ['no such type', {}, { instanceType: 't9.huge' }, 'InvalidParameterValue', /t9/],
  ])('refuses: %s', (_what, guest, fields, code, says) => {
    const { world, subnetId } = guests(guest);
    world.refuse('registerInstance', { netns: 'blue', subnetId, ...fields }, code as never, says);
  });
});

describe('run from a container image', () => {
  const image = { imageId: 'ami-0c0ffee0c0ffee0c0', name: 'web', containerImage: 'nginx:1.25', command: ['nginx'] };
  const run = (hasEngine: boolean, imageId: string) => {
    const c = city();
    c.world.context = { ...c.world.context, containers: { images: [image], hasEngine } };
    return { ...c, input: { subnetId: c.subnetId, imageId } };
  };

  it('is an instance in a container; other images are plain namespaces', () => {
    for (const [imageId, holder] of [
      [image.imageId, { kind: 'image', image: 'nginx:1.25', command: ['nginx'] }],
      ['ami-0123456789abcdef0', { kind: 'netns' }],
    ] as const) {
      const { world, input } = run(true, imageId);
      expect(world.get('instance', world.run('runInstances', input).instanceIds[0]).holder).toEqual(holder);
    }
  });

  it('is refused without an engine', () => {
    const { world, input } = run(false, image.imageId);
    world.refuse('runInstances', input, 'UnsupportedOperation', /nginx:1.25.*--container-socket/);
  });
});

describe('a guest that others', () => {
  it('stop: the instance stops, and starts with it, once more', () => {
    const { world, register } = guests();
    const id = register();
    world.run('guestStopped', { instanceId: id, reason: 'it is gone' });
    world.run('finishStop', { instanceId: id });
    expect(world.get('instance', id)).toMatchObject({ state: 'stopped', stateReason: { message: expect.stringContaining('it is gone') } });
    world.run('guestStarted', { instanceId: id });
    expect(world.get('instance', id)).toMatchObject({ state: 'running', bootSerial: 2 });
  });

  it('start, after a user has stopped the instance: it stays stopped', () => {
    const { world, register } = guests();
    const id = register();
    world.run('stopInstance', { instanceId: id });
    world.run('finishStop', { instanceId: id });
    world.run('guestStarted', { instanceId: id });
    expect(world.get('instance', id)).toMatchObject({ state: 'stopped' });
  });

  it('stop, with the shutdown behaviour terminate, or remove: the instance ends, protected or not', () => {
    const { world, register } = guests();
    const id = register({ shutdownBehavior: 'terminate' });
    world.run('guestStopped', { instanceId: id, reason: 'x' });
    expect(world.get('instance', id).state).toBe('shutting-down');
    world.run('finishTerminate', { instanceId: id });
    const other = register({ disableApiTermination: true });
    world.run('guestGone', { instanceId: other, reason: 'x' });
    expect(world.get('instance', other).state).toBe('shutting-down');
  });
});
