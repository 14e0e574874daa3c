import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ec2 from '@aws-sdk/client-ec2';
import { startApi, type TestApi, type TestApiOptions } from './api.js';

export const ACCESS_KEY = { id: 'AKIDEXAMPLEAKIDEX', secret: 'secretsecretsecret' };

/** The real SDK and plain forms against the server, on a socket in the file system. */
export interface Ec2Api {
  readonly api: TestApi;
  readonly client: ec2.EC2Client;
  /** Sends a command of the SDK; resolves to its answer. */
  readonly send: (command: any) => Promise<any>;
  /** The code that a command is refused with; `none`: it was not. */
  readonly fault: (command: any) => Promise<string>;
  /** Posts `Action=…` as a form. */
  readonly post: (form: string) => Promise<{ status: number; code: string | undefined; xml: string }>;
  readonly close: () => Promise<void>;
}

export async function startEc2(options: TestApiOptions = {}): Promise<Ec2Api> {
  const dir = mkdtempSync(join(tmpdir(), 'enid-ec2-'));
  const socketPath = join(dir, 'socket');
  const api = await startApi(options);
  await api.app.listen({ path: socketPath });
  const client = new ec2.EC2Client({
    endpoint: 'http://localhost',
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: ACCESS_KEY.id, secretAccessKey: ACCESS_KEY.secret },
    requestHandler: { httpAgent: new Agent({ socketPath } as object) },
  });
  const send = (command: any): Promise<any> => client.send(command);
  return {
    api,
    client,
    send,
    fault: (command) =>
      send(command).then(
        () => 'none',
        (error: { name: string }) => error.name,
      ),
    post: async (form) => {
      const { statusCode, payload } = await api.app.inject({
        method: 'POST',
        url: '/',
        payload: `Version=2016-11-15&${form}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      return { status: statusCode, code: /<Code>([^<]+)<\/Code>/.exec(payload)?.[1], xml: payload };
    },
    close: async () => {
      client.destroy();
      await api.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A VPC with one subnet. */
export async function makeSubnet({ send }: Pick<Ec2Api, 'send'>): Promise<{ vpcId: string; subnetId: string }> {
  const { Vpc } = await send(new ec2.CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  const { Subnet } = await send(new ec2.CreateSubnetCommand({ VpcId: Vpc.VpcId, CidrBlock: '10.0.1.0/24' }));
  return { vpcId: Vpc.VpcId, subnetId: Subnet.SubnetId };
}
