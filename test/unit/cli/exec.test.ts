import { describe, expect, it } from 'vitest';
import { entryArgv } from '../../../agent/cli/commands/exec.js';

const instance = {
  instanceId: 'i-1',
  vpcId: 'vpc-1',
  availabilityZone: 'a',
  instanceType: 't',
  state: 'running',
  namespace: 'i-1',
  hostId: 'host-b',
  tags: {},
};
const there = { uid: 0, exists: () => true };

describe('entryArgv', () => {
  it.each([
    ['by namespace', instance, there, ['ip', 'netns', 'exec', 'i-1', 'ls', '-l']],
    [
      'by its first process',
      { ...instance, initPid: 42 },
      there,
      ['nsenter', '--target=42', '--net', '--mount', '--uts', '--pid', '--', 'ls', '-l'],
    ],
    [
      'by namespace when that process is gone',
      { ...instance, initPid: 42 },
      { uid: 0, exists: (path: string) => !path.startsWith('/proc') },
      ['ip', 'netns', 'exec', 'i-1', 'ls', '-l'],
    ],
  ])('%s', (_name, subject, surroundings, argv) => expect(entryArgv(subject, ['ls', '-l'], surroundings)).toEqual(argv));

  it.each([
    ['not root', instance, { uid: 1000, exists: () => true }, 'NotRoot', 'run it with sudo'],
    ['on another host', instance, { uid: 0, exists: () => false }, 'NotHere', 'is on host host-b'],
    ['stopped', { ...instance, state: 'stopped' }, { uid: 0, exists: () => false }, 'NotHere', 'start it first (eni start i-1)'],
  ])('%s', (_name, subject, surroundings, code, message) => {
    expect(() => entryArgv(subject, ['ls'], surroundings)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
