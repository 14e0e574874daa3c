/** What an instance type allows, and what the API tells about it. Nothing here limits a namespace's cpu or memory. */
export interface InstanceType {
  readonly instanceType: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly maxNetworkInterfaces: number;
  readonly ipv4AddressesPerInterface: number;
  readonly ipv6AddressesPerInterface: number;
  readonly architecture: 'x86_64' | 'arm64';
}

/**
 * type → vcpus, MiB, interfaces, IPv4 addresses per interface; IPv6 addresses are as many as IPv4 on all of these.
 * Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AvailableIpPerENI.html, as DescribeInstanceTypes reports it
 * (checked against misc/eni-max-pods.txt of github.com/aws/amazon-vpc-cni-k8s).
 */
const LIMITS: Readonly<Record<string, readonly [vcpus: number, memoryMib: number, interfaces: number, addresses: number]>> = {
  't2.nano': [1, 512, 2, 2],
  't2.micro': [1, 1024, 2, 2],
  't2.small': [1, 2048, 3, 4],
  't2.medium': [2, 4096, 3, 6],
  't2.large': [2, 8192, 3, 12],
  't2.xlarge': [4, 16384, 3, 15],
  't2.2xlarge': [8, 32768, 3, 15],
  't3.nano': [2, 512, 2, 2],
  't3.micro': [2, 1024, 2, 2],
  't3.small': [2, 2048, 3, 4],
  't3.medium': [2, 4096, 3, 6],
  't3.large': [2, 8192, 3, 12],
  't3.xlarge': [4, 16384, 4, 15],
  't3.2xlarge': [8, 32768, 4, 15],
  't3a.nano': [2, 512, 2, 2],
  't3a.micro': [2, 1024, 2, 2],
  't3a.small': [2, 2048, 2, 4],
  't3a.medium': [2, 4096, 3, 6],
  't3a.large': [2, 8192, 3, 12],
  't3a.xlarge': [4, 16384, 4, 15],
  't3a.2xlarge': [8, 32768, 4, 15],
  't4g.nano': [2, 512, 2, 2],
  't4g.micro': [2, 1024, 2, 2],
  't4g.small': [2, 2048, 3, 4],
  't4g.medium': [2, 4096, 3, 6],
  't4g.large': [2, 8192, 3, 12],
  't4g.xlarge': [4, 16384, 4, 15],
  't4g.2xlarge': [8, 32768, 4, 15],
  'm5.large': [2, 8192, 3, 10],
  'm5.xlarge': [4, 16384, 4, 15],
  'm5.2xlarge': [8, 32768, 4, 15],
  'm5.4xlarge': [16, 65536, 8, 30],
  'm5.8xlarge': [32, 131072, 8, 30],
  'm5.12xlarge': [48, 196608, 8, 30],
  'm5.16xlarge': [64, 262144, 15, 50],
  'm5.24xlarge': [96, 393216, 15, 50],
  'm5.metal': [96, 393216, 15, 50],
  'm6i.large': [2, 8192, 3, 10],
  'm6i.xlarge': [4, 16384, 4, 15],
  'm6i.2xlarge': [8, 32768, 4, 15],
  'm6i.4xlarge': [16, 65536, 8, 30],
  'm6i.8xlarge': [32, 131072, 8, 30],
  'm6i.12xlarge': [48, 196608, 8, 30],
  'm6i.16xlarge': [64, 262144, 15, 50],
  'm6i.24xlarge': [96, 393216, 15, 50],
  'm6i.32xlarge': [128, 524288, 15, 50],
  'm6i.metal': [128, 524288, 15, 50],
  'c5.large': [2, 4096, 3, 10],
  'c5.xlarge': [4, 8192, 4, 15],
  'c5.2xlarge': [8, 16384, 4, 15],
  'c5.4xlarge': [16, 32768, 8, 30],
  'c5.9xlarge': [36, 73728, 8, 30],
  'c5.12xlarge': [48, 98304, 8, 30],
  'c5.18xlarge': [72, 147456, 15, 50],
  'c5.24xlarge': [96, 196608, 15, 50],
  'c5.metal': [96, 196608, 15, 50],
  'c5n.large': [2, 5376, 3, 10],
  'c5n.xlarge': [4, 10752, 4, 15],
  'c5n.2xlarge': [8, 21504, 4, 15],
  'c5n.4xlarge': [16, 43008, 8, 30],
  'c5n.9xlarge': [36, 98304, 8, 30],
  'c5n.18xlarge': [72, 196608, 15, 50],
  'c5n.metal': [72, 196608, 15, 50],
  'c6i.large': [2, 4096, 3, 10],
  'c6i.xlarge': [4, 8192, 4, 15],
  'c6i.2xlarge': [8, 16384, 4, 15],
  'c6i.4xlarge': [16, 32768, 8, 30],
  'c6i.8xlarge': [32, 65536, 8, 30],
  'c6i.12xlarge': [48, 98304, 8, 30],
  'c6i.16xlarge': [64, 131072, 15, 50],
  'c6i.24xlarge': [96, 196608, 15, 50],
  'c6i.32xlarge': [128, 262144, 15, 50],
  'c6i.metal': [128, 262144, 15, 50],
  'r5.large': [2, 16384, 3, 10],
  'r5.xlarge': [4, 32768, 4, 15],
  'r5.2xlarge': [8, 65536, 4, 15],
  'r5.4xlarge': [16, 131072, 8, 30],
  'r5.8xlarge': [32, 262144, 8, 30],
  'r5.12xlarge': [48, 393216, 8, 30],
  'r5.16xlarge': [64, 524288, 15, 50],
  'r5.24xlarge': [96, 786432, 15, 50],
  'r5.metal': [96, 786432, 15, 50],
};

export const INSTANCE_TYPES: ReadonlyMap<string, InstanceType> = new Map(
  Object.entries(LIMITS).map(([instanceType, [vcpus, memoryMib, interfaces, addresses]]) => [
    instanceType,
    {
      instanceType,
      vcpus,
      memoryMib,
      maxNetworkInterfaces: interfaces,
      ipv4AddressesPerInterface: addresses,
      ipv6AddressesPerInterface: addresses,
      architecture: instanceType.startsWith('t4g.') ? 'arm64' : 'x86_64',
    },
  ]),
);

/** An interface that is attached to nothing may hold as many addresses as the largest instance type takes. */
export const MAX_ADDRESSES_PER_INTERFACE = Math.max(...[...INSTANCE_TYPES.values()].map((type) => type.ipv4AddressesPerInterface));

export const DEFAULT_INSTANCE_TYPE = 't3.micro';
