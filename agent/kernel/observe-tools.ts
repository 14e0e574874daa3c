import { toKernelError } from './errors.js';
import { readHostNft, readNft } from './nft.js';
import type { KernelObject } from './port.js';
import { forwardingPath, HOST_ACCESS } from './resources.js';
import type { NamespaceSockets } from './sockets.js';
import { readSysctls } from './sysctl.js';
import { readWireguard } from './wireguard.js';

/** What is observed by other means than netlink dumps: files below `/proc/sys`, and what the tools of packet filters and tunnels tell. */

export function sysctlsOf(sockets: NamespaceSockets, netns: string, settings: Readonly<Record<string, string>>): KernelObject[] {
  return [...sockets.settings(netns).read(netns, Object.keys(settings))].map(([path, value]) => ({ kind: 'sysctl', netns, path, value }));
}

export async function nftOf(netns: string): Promise<KernelObject[]> {
  const fingerprint = await readNft(netns);
  return fingerprint === undefined ? [] : [{ kind: 'nft', netns, fingerprint, text: '' }];
}

/** What an uplink has in the host's own namespace. Its settings count as ours only as long as our table is there. */
export async function uplinkOf(netns: string): Promise<KernelObject[]> {
  const table = await readHostNft();
  if (!table) return [];
  const { fingerprint, uplink } = table;
  const devices = [HOST_ACCESS.device, ...(uplink === undefined ? [] : [uplink])];
  const settings = [...readSysctls(netns, devices.map(forwardingPath))].map(
    ([path, value]): KernelObject => ({ kind: 'sysctl', netns, path, value }),
  );
  return [{ kind: 'nft', netns, fingerprint, text: '' }, ...settings];
}

/** A device may have a process that is not ours, or just ending: then it has none of ours. */
export async function wireguardOf(netns: string, device: string): Promise<KernelObject[]> {
  const config = await readWireguard(device);
  return config ? [{ kind: 'wireguard', netns, device, ...config }] : [];
}

/** What a kernel without the feature holds of it. */
export function unlessUnsupported<T>(read: () => T, without: T): T {
  try {
    return read();
  } catch (error) {
    if (toKernelError(error).kind === 'unsupported') return without;
    throw error;
  }
}
