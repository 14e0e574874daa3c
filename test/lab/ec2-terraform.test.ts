import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { EC2_FILES, runClient, works } from '../support/ec2-clients.js';
import { useAgent } from '../support/world.js';

const setup = useAgent();
const MIRROR = '/opt/tf-plugins';

it.skipIf(!works('terraform', 'version') || !works('test', '-d', `${MIRROR}/registry.terraform.io/hashicorp/aws`))(
  `Terraform with the AWS provider (a mirror at ${MIRROR}) applies, sees no difference, changes, and destroys`,
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'enid-terraform-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    cpSync(join(EC2_FILES, 'main.tf'), join(dir, 'main.tf'));
    writeFileSync(join(dir, 'rc'), `provider_installation {\n  filesystem_mirror { path = "${MIRROR}" }\n}\ndisable_checkpoint = true\n`);
    const terraform = async (description: string, verb: string, ...argv: string[]) => {
      const { exitCode, all } = await runClient('terraform', [verb, '-no-color', '-input=false', ...argv], {
        cwd: dir,
        env: { TF_CLI_CONFIG_FILE: join(dir, 'rc'), TF_VAR_endpoint: setup.agent.endpoint, TF_VAR_description: description },
      });
      return { exitCode, all };
    };
    expect(await terraform('web', 'init')).toMatchObject({ exitCode: 0 });
    expect((await terraform('web', 'apply', '-auto-approve')).all).toContain('11 added, 0 changed, 0 destroyed');
    expect((await terraform('web', 'plan', '-detailed-exitcode')).all).toContain('No changes.');
    expect((await terraform('changed', 'apply', '-auto-approve')).all).toContain('0 added, 2 changed, 0 destroyed');
    expect((await terraform('changed', 'plan', '-detailed-exitcode')).all).toContain('No changes.');
    expect((await terraform('changed', 'destroy', '-auto-approve')).all).toContain('11 destroyed');
  },
  480_000,
);
