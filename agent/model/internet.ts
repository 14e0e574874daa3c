/** Addresses of the lab's internet that serve everybody. Documentation ranges (RFC 5737). */
export const INTERNET_SERVERS = { dns: '198.51.100.53', http: '198.51.100.80' } as const;
