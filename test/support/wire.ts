import { execa } from 'execa';

/** A device of the test's own host that subnets can be on, and the namespace that its cable ends in. */
export const PARENT = 'par0';
export const WIRE = 'wire';

export async function makeWire(): Promise<void> {
  await execa('ip', ['netns', 'add', WIRE], { reject: false });
  await execa('ip', ['link', 'add', PARENT, 'type', 'veth', 'peer', 'name', 'out0', 'netns', WIRE]);
  await execa('ip', ['-n', WIRE, 'link', 'set', 'out0', 'up']);
  await execa('ip', ['link', 'set', PARENT, 'up']);
}

export const removeWire = () => execa('ip', ['link', 'del', PARENT]);
