import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { execa } from 'execa';

/** Clients of EC2 as they are installed, told nothing but the endpoint. A test is left out where its client is not installed; its name says of what. */

/** Debian's, and not others that may come first in the path. */
export const AWS = '/usr/bin/aws';
export const PYTHON = '/usr/bin/python3';

/** What the clients are given: plays, programs. */
export const EC2_FILES = resolve('test/lab/ec2');

const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLEAKIDEX',
  AWS_SECRET_ACCESS_KEY: 'secretsecretsecret',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_PAGER: '',
};

/** Whether the program is there and does that. */
export function works(program: string, ...argv: string[]): boolean {
  try {
    execFileSync(program, argv, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface ClientRun {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as they came. */
  readonly all: string;
}

export async function runClient(
  program: string,
  argv: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<ClientRun> {
  const { env, ...rest } = options;
  const { exitCode, stdout, stderr, all } = await execa(program, argv, {
    ...rest,
    env: { ...ENVIRONMENT, ...env },
    timeout: 280_000,
    all: true,
    reject: false,
  });
  return { exitCode, stdout, stderr, all };
}
