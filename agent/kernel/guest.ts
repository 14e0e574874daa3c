import { listLinks } from './netlink/link.js';
import { listRoutes } from './netlink/route.js';
import { NETLINK, NetlinkSocket } from './netlink/socket.js';
import { netnsIdentity, netnsNames } from './netns.js';
import { HOST_NAMESPACE, isOurNamespace, MAIN_TABLE } from './resources.js';

/** What a namespace of somebody else's holds that an interface could collide with. */
export interface GuestNamespace {
  /** See `NamespaceHolder`. */
  readonly identity: string;
  /** A name of ours that the namespace has already; `host`: it is the host's, or the daemon's. */
  readonly ours?: string;
  readonly devices: readonly string[];
  /** Whether it has a default route of IPv4. */
  readonly hasDefaultRoute: boolean;
}

/** @throws {KernelError} not-found when no namespace is behind the path. */
export function readGuestNamespace(path: string): GuestNamespace | undefined {
  const identity = netnsIdentity(path);
  if (identity === undefined) return undefined;
  const isHosts = [netnsIdentity(HOST_NAMESPACE), identityOfInit()].includes(identity);
  const ours = isHosts ? HOST_NAMESPACE : netnsNames().find((name) => isOurNamespace(name) && netnsIdentity(name) === identity);
  const socket = new NetlinkSocket(NETLINK.route, { netns: path });
  try {
    return {
      identity,
      ...(ours !== undefined && { ours }),
      devices: listLinks(socket).map(({ name }) => name),
      hasDefaultRoute: listRoutes(socket).some(({ destination, table }) => destination === '0.0.0.0/0' && table === MAIN_TABLE),
    };
  } finally {
    socket.close();
  }
}

/** The first process is out of sight for a daemon in a container. */
function identityOfInit(): string | undefined {
  try {
    return netnsIdentity('/proc/1/ns/net');
  } catch {
    return undefined;
  }
}
