/** Addresses of the lab's internet that serve everybody. Documentation ranges (RFC 5737, RFC 3849). */
export const INTERNET_SERVERS = { dns: '198.51.100.53', http: '198.51.100.80' } as const;
export const INTERNET_SERVERS_IPV6 = { dns: '2001:db8:100::53', http: '2001:db8:100::80' } as const;
