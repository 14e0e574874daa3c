import { inside } from './traffic.js';

/** The metadata service as a guest meets it, with curl. */
export interface MetadataReply {
  /** 0: no answer. */
  readonly status: number;
  readonly body: string;
}

const V4 = 'http://169.254.169.254';

/** Asks from inside an instance. `path` with a host asks there instead. */
export async function metadata(netns: string, path: string, ...options: string[]): Promise<MetadataReply> {
  const url = path.startsWith('/') ? `${V4}${path}` : path;
  const argv = ['curl', '--silent', '--globoff', '--path-as-is', '--max-time', '2', '--write-out', '\n%{http_code}', ...options, url];
  const { stdout } = await inside(netns, ...argv);
  const at = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
}

export const tokenOf = async (netns: string, ttl = 60): Promise<string> =>
  (await metadata(netns, '/latest/api/token', '-X', 'PUT', '-H', `X-aws-ec2-metadata-token-ttl-seconds: ${ttl}`)).body;

export const withToken = (token: string): string[] => ['-H', `X-aws-ec2-metadata-token: ${token}`];
