import { promises } from 'node:fs';
import { hostname, loadavg, release, uptime } from 'node:os';

/** The machine as `GET /v1/host` shows it. A type and not an interface, so that it passes for a plain JSON object. */
export type HostFacts = {
  readonly hostname: string;
  /** Changes with every boot of the machine. */
  readonly bootId: string;
  readonly uptimeSeconds: number;
  readonly kernel: string;
  readonly os: { readonly distribution: string; readonly release: string; readonly codename: string; readonly architecture: string };
  readonly cpu: {
    readonly manufacturer: string;
    readonly model: string;
    readonly sockets: number;
    readonly cores: number;
    readonly threads: number;
  };
  /** Over 1, 5 and 15 minutes. */
  readonly loadAverage: readonly number[];
  readonly memory: {
    readonly totalBytes: number;
    readonly usedBytes: number;
    readonly availableBytes: number;
    readonly swapTotalBytes: number;
    readonly swapUsedBytes: number;
  };
};

/**
 * Facts about the machine, from systeminformation's calls for system, processor and memory alone: those for interfaces fork per
 * device. What cannot change while the daemon runs is read once, at the first call, by running `lscpu`, `hostname` and the like.
 */
export async function hostFacts(): Promise<HostFacts> {
  machine ??= readMachine();
  const { mem } = await information();
  const [fixed, memory] = await Promise.all([machine, mem()]);
  return {
    ...fixed,
    hostname: hostname(),
    uptimeSeconds: Math.floor(uptime()),
    loadAverage: loadavg(),
    memory: {
      totalBytes: memory.total,
      usedBytes: memory.total - memory.available,
      availableBytes: memory.available,
      swapTotalBytes: memory.swaptotal,
      swapUsedBytes: memory.swapused,
    },
  };
}

type Machine = Pick<HostFacts, 'bootId' | 'kernel' | 'os' | 'cpu'>;
let machine: Promise<Machine> | undefined;

/** Loaded when it is first needed. */
const information = async () => (await import('systeminformation')).default;

async function readMachine(): Promise<Machine> {
  const { osInfo, cpu } = await information();
  const [bootId, os, processor] = await Promise.all([promises.readFile('/proc/sys/kernel/random/boot_id', 'utf8'), osInfo(), cpu()]);
  return {
    bootId: bootId.trim(),
    kernel: release(),
    os: { distribution: os.distro, release: os.release, codename: os.codename, architecture: os.arch },
    cpu: {
      manufacturer: processor.manufacturer,
      model: processor.brand,
      sockets: processor.processors,
      cores: processor.physicalCores,
      threads: processor.cores,
    },
  };
}
