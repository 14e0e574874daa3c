import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const project = (name: string, options: Record<string, unknown> = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], maxWorkers: Math.max(2, availableParallelism()), ...options },
});

/** Suites that touch the kernel: each file in a process, a network namespace and a mount namespace of its own. */
const isolated = {
  pool: 'forks',
  isolate: true,
  globalSetup: ['./test/support/build.ts'],
  execArgv: ['--require', './test/support/isolate.cjs'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

/** Parts of the torture that bear company. Drift watches a stream of datagrams, and faults hold a lock that all share. */
const SIDE_BY_SIDE = ['test/netns/torture-{crash,kill,model,fuzz}.test.ts'];

/** One file after the other: they count packets and wait for what the kernel does within bounds. */
const netns = { ...isolated, maxWorkers: 1, exclude: SIDE_BY_SIDE };

const torture = { ...isolated, maxWorkers: 2, sequence: { groupOrder: 2 }, include: SIDE_BY_SIDE };

/** Two at once: they are programs that wait for each other, and some wait for minutes with nothing to do. */
const lab = { ...isolated, maxWorkers: 2, sequence: { groupOrder: 1 }, testTimeout: 300_000 };

/** Without root there is no network namespace to make: those suites are left out, and `scripts/test` says so. */
const isRoot = process.getuid?.() === 0;

export default defineConfig({
  test: {
    // Ends what hangs; a busy machine is no failure.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      project('unit'),
      project('contract'),
      project('api'),
      ...(isRoot ? [project('netns', netns), project('lab', lab), project('torture', torture)] : []),
    ],
  },
});
