import { parseAddress, RTM_ADDRESS } from './netlink/address.js';
import { type Link, parseLink, RTM_LINK } from './netlink/link.js';
import type { NetlinkMessage } from './netlink/message.js';
import { parseNeighbour, RTM_NEIGHBOUR } from './netlink/neighbour.js';
import { parseRoute, RTM_ROUTE } from './netlink/route.js';

/** What notifications tell of. */

/** A device as text: what it is set to, and what comes of that. */
export interface Seen {
  readonly settings: string;
  readonly running: boolean;
}

export const isLinkMessage = ({ type }: NetlinkMessage): boolean => type === RTM_LINK.new || type === RTM_LINK.delete;

export const seen = ({ running, ...settings }: Link): Seen => ({ settings: JSON.stringify(settings), running });

/** What somebody sets, or what comes of that a moment later. */
export type Change = 'none' | 'setting' | 'outcome';

/** What the message changes of what is known of a device; remembers what it says. */
export function changeOf(links: Map<number, Seen>, { type, body }: NetlinkMessage): Change {
  const link = parseLink(body);
  if (type === RTM_LINK.delete) return links.delete(link.index) ? 'setting' : 'none';
  const before = links.get(link.index);
  const now = seen(link);
  links.set(link.index, now);
  if (now.settings !== before?.settings) return 'setting';
  return now.running === before.running ? 'none' : 'outcome';
}

/** Whoever adds an IPv6 address, the kernel tells of it when it has looked for duplicates, and then as of its own doing. */
export const isLateAddress = ({ type, body }: NetlinkMessage): boolean =>
  type === RTM_ADDRESS.new && parseAddress(body).address.includes(':');

/** Whether it tells of what the kernel does by itself all the time. */
export function isAutomatic({ type, body }: NetlinkMessage): boolean {
  if (type === RTM_ROUTE.new || type === RTM_ROUTE.delete) return parseRoute(body).automatic;
  if (type === RTM_ADDRESS.new || type === RTM_ADDRESS.delete) return parseAddress(body).automatic;
  if (type === RTM_NEIGHBOUR.new || type === RTM_NEIGHBOUR.delete) return !parseNeighbour(body)?.permanent;
  return false;
}
