import { execa } from 'execa';
import { afterAll, beforeAll, expect } from 'vitest';
import { startAgent, type TestAgent } from './agent.js';

export interface LabRun {
  readonly code: number | undefined;
  readonly out: string;
}

/** A lab of `vagrant/labs` with a daemon of its own, driven as its README says: by `eni` and by its `run` script. */
export function useLab(name: string): {
  readonly agent: TestAgent;
  /** Runs the lab's story; its output. */
  story(...argv: string[]): Promise<LabRun>;
  eni(...argv: string[]): Promise<LabRun>;
  /** Path of one of the lab's files. */
  file(name?: string): string;
  /** Takes the lab down; nothing of it may be left, neither in the model nor in the kernel. */
  down(): Promise<void>;
} {
  let agent: TestAgent | undefined;
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(async () => agent?.dispose());
  const started = () => {
    if (!agent) throw new Error('the agent is not started');
    return agent;
  };
  const run = async (program: string, argv: readonly string[]): Promise<LabRun> => {
    const { exitCode, all } = await execa(program, argv, {
      all: true,
      reject: false,
      timeout: 200_000,
      env: { ENID_ENDPOINT: started().endpoint },
    });
    return { code: exitCode, out: all ?? '' };
  };
  const file = (which = 'lab.yaml') => `vagrant/labs/${name}/${which}`;
  return {
    get agent() {
      return started();
    },
    file,
    story: (...argv) => run(`vagrant/labs/${name}/run`, argv),
    eni: (...argv) => run(process.execPath, ['dist/agent/cli/main.js', ...argv]),
    down: async () => {
      const { code, out } = await run(process.execPath, ['dist/agent/cli/main.js', 'lab', 'down', file()]);
      expect(out).toMatch(/steps done in .*\n?$/);
      expect(code).toBe(0);
      for (const path of ['vpcs', 'internet-gateways', 'elastic-ips', 'vpn-gateways', 'customer-gateways'])
        expect((await started().ok('GET', `/v1/${path}`)).items).toEqual([]);
      await expect.poll(async () => (await execa('ip', ['netns', 'list'])).stdout, { timeout: 10_000 }).toBe('');
    },
  };
}

/** How often the story said that all checks were as expected. */
export const fullMatches = (out: string): number =>
  [...out.matchAll(/^(\d+) checks, (\d+) as expected$/gm)].filter(([, all, good]) => all === good).length;
