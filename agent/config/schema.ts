import { hostname } from 'node:os';
import { z } from 'zod';
import { HOST_ACCESS } from '../kernel/resources.js';
import { parseCidr } from '../model/address.js';
import { IMAGE_ID } from '../model/images.js';

function isPool(text: string): boolean {
  const range = parseCidr(text);
  return range?.family === 4 && range.canonical && range.prefixLength >= 16 && range.prefixLength <= 30;
}

/** A name that Linux takes for a device and nft for a chain; not of the devices that can't lead anywhere. */
const isDevice = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(name) && name !== 'lo' && name !== HOST_ACCESS.device;

export const MIN_TOKEN_LENGTH = 16;
export const ACCESS_KEY_ID = /^\w{16,128}$/;
export const ACCESS_KEY_SECRET = /^[^\s,]{16,128}$/;

/** `ami-0123456789abcdef0=nginx:1.25`, or the same at length. */
const ContainerImage = z.preprocess(
  (value) => {
    if (typeof value !== 'string' || !value.includes('=')) return value;
    const [imageId, containerImage] = [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)];
    return { imageId, name: containerImage, containerImage };
  },
  z.strictObject({
    imageId: z.string().regex(IMAGE_ID, 'must be like ami-0123456789abcdef0'),
    name: z.string().min(1),
    containerImage: z.string().min(1),
    command: z.array(z.string()).min(1).optional(),
  }),
);

/** Every setting, once: type, default, meaning. Flags are the keys in kebab case, environment variables `ENID_` and upper snake case. */
const Settings = z.strictObject({
  listen: z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[^:[\]]+):\d{1,5}$/, 'must be HOST:PORT')
    .default('127.0.0.1:8780')
    .describe('Address and port of the HTTP listener. Other than loopback needs a token and TLS, or a token and --insecure-http.'),
  dataDir: z.string().default('/var/lib/enid').describe('Directory of the store and of console outputs; made with mode 0700.'),
  hostId: z
    .string()
    .min(1)
    .max(63)
    .default(() => hostname())
    .describe('Name of this host; must stay the same over restarts.'),
  region: z.string().default('us-east-1').describe('Region name that the API reports.'),
  zones: z.array(z.string()).min(1).optional().describe('Availability zones; default: the region with a, b and c.'),
  accountId: z
    .string()
    .regex(/^\d{12}$/)
    .default('123456789012')
    .describe('Owner id of everything.'),
  mtu: z.number().int().min(1280).max(9216).default(1500).describe('MTU of interfaces, bytes.'),
  resyncSeconds: z.number().positive().default(15).describe('Seconds between full comparisons of kernel and model.'),
  settleTimeoutMs: z.number().int().positive().default(5000).describe('How long a call waits for the kernel, milliseconds.'),
  token: z
    .string()
    .min(MIN_TOKEN_LENGTH)
    .optional()
    .describe('Bearer token that every API call must carry; 16 characters or more. Better in credentialsFile: others see flags.'),
  credentialsFile: z
    .string()
    .min(1)
    .optional()
    .describe('File of mode 0600 with tokens and access keys, each full or read-only (docs/api-security.md); read again when it changes.'),
  localUids: z
    .array(z.coerce.number().int().nonnegative())
    .min(1)
    .optional()
    .describe(
      'Without tokens: the only users, by number, besides root and the daemon itself who may call the API over loopback; default: all.',
    ),
  requestsPerSecond: z
    .number()
    .int()
    .nonnegative()
    .default(2000)
    .describe('Requests per second of one client, on average over ten seconds; 0: no limit.'),
  accessKeys: z
    .array(z.string().regex(/^\w{16,128}:[^\s,]{16,128}$/, 'must be ID:SECRET, each of 16 characters or more'))
    .min(1)
    .optional()
    .describe('Access keys, ID:SECRET; with any, requests to the EC2 endpoint must be signed with one of them.'),
  defaultVpc: z.boolean().default(false).describe('Make a default VPC with a subnet in every zone at the first start.'),
  anyImage: z.boolean().default(true).describe('Launches take image ids that are not listed, such as those of the cloud.'),
  tlsCert: z.string().optional().describe('PEM file with the certificate chain.'),
  tlsKey: z.string().optional().describe('PEM file with the private key.'),
  insecureHttp: z.boolean().default(false).describe('Allow a token without TLS on an address other than loopback.'),
  allowReset: z.boolean().default(false).describe('Serve POST /v1/reset, which empties model and kernel.'),
  log: z.enum(['json', 'pretty']).default('json').describe('Log format on standard output.'),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info').describe('Least severe level that is logged.'),
  rulesPerDirection: z.number().int().positive().default(60).describe('Rules of a security group, each way.'),
  flowsPerInterface: z
    .number()
    .int()
    .nonnegative()
    .default(16_384)
    .describe('Flows that connection tracking holds for one interface, about; without source check four times that; 0: no limit.'),
  groupsPerInterface: z.number().int().min(1).max(16).default(5).describe('Security groups of one interface.'),
  publicPool: z
    .string()
    .refine((text) => isPool(text), { message: 'must be an IPv4 range of 4 to 65536 addresses, such as 203.0.113.0/24' })
    .default('203.0.113.0/24')
    .describe("Range of the lab's public addresses; its first and last are not given out."),
  hostAccess: z.boolean().default(true).describe('Make public addresses of the lab reachable from this host.'),
  uplink: z
    .string()
    .refine(isDevice, { message: 'must be the name of a network device of this host, such as eth0' })
    .optional()
    .describe("Device of this host by which the lab's internet reaches the real network, with the device's address; default: none."),
  containerSocket: z
    .string()
    .regex(/^\//, 'must be the path of a Unix socket, such as /run/docker.sock')
    .optional()
    .describe('Socket of a container engine (Docker, or Podman in its compatible mode), whose containers can be instances; default: none.'),
  containerImages: z
    .array(ContainerImage)
    .default([])
    .describe(
      'Images that instances can be run from as containers: IMAGE_ID=CONTAINER_IMAGE, or imageId, name, containerImage and command.',
    ),
  userDataTimeoutMs: z.number().int().nonnegative().default(0).describe('End a user data script after this long, milliseconds; 0: never.'),
});
export const Config = Settings.refine(({ uplink, hostAccess }) => uplink === undefined || hostAccess, {
  path: ['uplink'],
  message: 'needs hostAccess: the uplink is reached by the link between the lab and this host',
});
export type Config = z.output<typeof Config>;
