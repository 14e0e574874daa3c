/** A device of the host as far as it matters to whether it can carry macvlan interfaces. */
export interface HostDevice {
  readonly name: string;
  readonly up: boolean;
  /** Whether it has a carrier. */
  readonly running: boolean;
  readonly mtu: number;
  readonly isEthernet: boolean;
  readonly isLoopback: boolean;
  readonly isWireless: boolean;
  /** Bridge, bond or team that it is a port of. */
  readonly master?: string;
  /** Made by enid. */
  readonly isOurs: boolean;
}

/** Device names as Linux takes them, without those that no tool likes. */
export const DEVICE_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,15}$/;

/** Why macvlan interfaces can never be put on the device; `undefined` when they can. */
export function unfitness(name: string, device: HostDevice | undefined): string | undefined {
  if (!device) return `the host has no device ${name}`;
  if (device.isLoopback) return `${name} is the loopback device, which has no MAC addresses`;
  if (device.isOurs) return `${name} is one of enid's own devices`;
  if (!device.isEthernet) return `${name} is no Ethernet device`;
  if (device.isWireless) return `${name} is wireless: an access point takes frames from the MAC it knows only`;
  if (device.master !== undefined) return `${name} is a port of ${device.master}; name ${device.master} instead`;
  return undefined;
}

/** Why nothing passes at present on a device that is fit; `undefined` when it does. */
export function outage({ name, up, running }: HostDevice): string | undefined {
  if (!up) return `device ${name} is down; bring it up with: ip link set ${name} up`;
  return running ? undefined : `device ${name} has no carrier`;
}
