import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { until } from '../traffic.js';

export interface Order {
  /** Address and port of everything that is sent to, every 10 ms. */
  readonly targets: readonly (readonly [address: string, port: number])[];
  readonly listen: readonly number[];
}

/** A process in an instance that sends and listens until it is ended. */
export class Probe {
  /** How many datagrams arrived, by port, source and destination: `7777 10.0.1.5 10.0.1.6`. */
  readonly seen = new Map<string, number>();
  /** How many are missing between those that arrived, by the same. */
  readonly gaps = new Map<string, number>();
  private ready = 0;
  private readonly child: ChildProcess;

  constructor(readonly netns: string) {
    const argv = ['netns', 'exec', netns, 'setpriv', '--pdeathsig', 'KILL', process.execPath, 'test/support/torture/probe.cjs'];
    this.child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (line === 'ready') this.ready++;
      else {
        const [times = '', ...key] = line.split(' ');
        if (times === 'gap') add(this.gaps, key.slice(1).join(' '), Number(key[0]));
        else add(this.seen, key.join(' '), Number(times));
      }
    });
  }

  async order(order: Order): Promise<void> {
    const before = this.ready;
    this.child.stdin?.write(`${JSON.stringify(order)}\n`);
    await until(() => this.ready > before, 90_000, `probe in ${this.netns}`);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  end(): void {
    this.child.kill('SIGKILL');
  }
}

function add(counts: Map<string, number>, key: string, times: number): void {
  counts.set(key, (counts.get(key) ?? 0) + times);
}
