import type { DhcpOptionsId } from './ids.js';
import type { Noun } from './tags.js';

/** What instances of the VPCs that name it learn about names. A VPC whose `dhcpOptionsId` is `default` has the standard ones. */
export interface DhcpOptions extends Noun {
  readonly dhcpOptionsId: DhcpOptionsId;
  /** Absent: the region's. */
  readonly domainName?: string;
  /** One to four; `AmazonProvidedDNS` is the resolver of the VPC. */
  readonly domainNameServers: readonly string[];
}

/** The id that stands for the standard options. */
export const DEFAULT_DHCP_OPTIONS = 'default';
export const PROVIDED_DNS = 'AmazonProvidedDNS';
