import { INTERNET_NAMESPACE } from '../kernel/resources.js';
import { INTERNET_SERVERS, INTERNET_SERVERS_IPV6 } from '../model/internet.js';
import type { Snapshot } from '../model/snapshot.js';
import type { ServiceSpec } from '../services/service.js';
import { INTERNET_UNIT, isInternetPresent } from './presence.js';
import { DNSMASQ } from './resolver.js';

/** IPv6 addresses of the same servers (documentation range, RFC 3849). */

/** Names that the lab's DNS knows, below domains that are nobody's (RFC 2606). */
const NAMES: readonly (readonly [name: string, server: keyof typeof INTERNET_SERVERS])[] = [
  ['www.example.com', 'http'],
  ['example.com', 'http'],
  ['echo.example.com', 'http'],
  ['www.example.net', 'http'],
  ['dns.example.com', 'dns'],
];

/** The well-known servers of the lab's internet. */
export function internetServices(snapshot: Snapshot, { hostId }: { readonly hostId: string }): ServiceSpec[] {
  if (!isInternetPresent(snapshot, hostId)) return [];
  const records = NAMES.map(([name, server]) => `--host-record=${name},${INTERNET_SERVERS[server]},${INTERNET_SERVERS_IPV6[server]}`);
  return [
    {
      name: `${INTERNET_UNIT}.http`,
      netns: INTERNET_NAMESPACE,
      argv: ['{node}', '{agent}/internet/http-server.js', INTERNET_SERVERS.http, INTERNET_SERVERS_IPV6.http],
      ready: { listens: [{ protocol: 'tcp', port: 80 }] },
    },
    {
      name: `${INTERNET_UNIT}.dns`,
      netns: INTERNET_NAMESPACE,
      // On whatever address it is asked at: resolvers of VPCs ask over links that come and go. Nobody knows the names it does not.
      argv: [...DNSMASQ, '--no-hosts', '--no-resolv', ...records, '--local=/#/'],
      ready: { listens: [{ protocol: 'udp', port: 53 }] },
    },
  ];
}
