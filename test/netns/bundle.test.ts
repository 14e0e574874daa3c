import { statSync } from 'node:fs';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { startAgent } from '../support/agent.js';
import { inside, until } from '../support/traffic.js';
import { buildWorld } from '../support/world.js';

const PROGRAM = 'dist/agent/enid.js';
const made = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const isCurrent = made(PROGRAM) > made('dist/agent/main.js');

/** What is found by its place, what is loaded late, and what stays outside of the bundle. */
it.skipIf(!isCurrent)(
  'the bundle (needs `npm run build`) does what its parts do',
  async () => {
    const agent = await startAgent({ program: PROGRAM, args: ['--log-level', 'debug', '--log', 'json'] });
    const eni = async (...argv: string[]) => (await execa('dist/agent/eni.js', argv, { env: { ENID_ENDPOINT: agent.endpoint } })).stdout;
    try {
      const { instance, vpcId } = await buildWorld(agent);
      const { instanceId } = await instance();
      const { internetGatewayId } = await agent.ok('POST', '/v1/internet-gateways', {});
      await agent.ok('POST', `/v1/internet-gateways/${internetGatewayId}/attach`, { vpcId });
      const listeners = async () => (await inside('internet', 'ss', '-ltnH')).stdout;
      await until(async () => (await listeners()).includes('198.51.100.80:80'), 5000, 'the web server of the internet');

      const get = async (path: string) => (await fetch(`${agent.endpoint}${path}`)).text();
      const page = await get('/docs/static/index.html');
      expect(page).toContain('swagger-ui');
      expect(await get('/docs/static/swagger-ui.css')).toContain('.swagger-ui');
      expect(JSON.parse(await get('/openapi.json')).paths).toHaveProperty('/v1/vpcs');
      expect(await get('/?Action=DescribeVpcs&Version=2016-11-15')).toContain(`<vpcId>${vpcId}</vpcId>`);
      expect(await get('/metrics')).toContain('enid_reconcile_passes_total');
      expect((await agent.ok('GET', '/v1/host')).facts.cpu.cores).toBeGreaterThan(0);
      expect(await eni('describe', 'instances')).toContain(instanceId);
      expect(await eni('--version')).toBe((await execa(process.execPath, [PROGRAM, '--version'])).stdout);

      await agent.stop();
      const before = agent.log.length;
      await agent.start();
      const [first] = agent.log.slice(before).filter(({ msg }) => msg === 'reconcile pass');
      expect(first).toMatchObject({ full: true, operations: 0, failures: 0 });
    } finally {
      await agent.dispose();
    }
  },
  120_000,
);
