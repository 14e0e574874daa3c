import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EC2_FILES, PYTHON, runClient, works } from '../support/ec2-clients.js';
import { useAgent } from '../support/world.js';

const setup = useAgent();
const PLAYBOOK = '/usr/bin/ansible-playbook';

it.skipIf(!works(PLAYBOOK, '--version') || !works(PYTHON, '-c', 'import boto3'))(
  "Ansible's amazon.aws (Debian package ansible) makes a network, and changes nothing the second time",
  async () => {
    const play = () =>
      runClient(
        PLAYBOOK,
        [
          '-i',
          'localhost,',
          '-e',
          `endpoint=${setup.agent.endpoint}`,
          '-e',
          `ansible_python_interpreter=${PYTHON}`,
          join(EC2_FILES, 'playbook.yml'),
        ],
        { env: { ANSIBLE_NOCOLOR: '1', ANSIBLE_LOCALHOST_WARNING: 'false' } },
      );
    expect((await play()).all).toMatch(/changed=10 .*failed=0/);
    expect((await play()).all).toMatch(/ok=11 .*changed=0 .*failed=0/);
  },
);
