import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { ROUTER_MAC } from '../../agent/kernel/resources.js';

/** Attackers that craft their packets with scapy, and listeners that hear everything. */

const PYTHON = '/usr/bin/python3';
export const hasScapy = spawnSync(PYTHON, ['-c', 'import scapy.all']).status === 0;

interface Helper {
  ask(line: string): Promise<any>;
}

/** A Python program in a namespace that answers every line with a line. Ends with the test. */
async function helper(netns: string | undefined, script: string, ...argv: string[]): Promise<Helper> {
  const command = [PYTHON, `test/support/redteam/${script}`, ...argv];
  const inside = netns === undefined ? command : ['ip', 'netns', 'exec', netns, ...command];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...inside]) as ChildProcessWithoutNullStreams;
  onTestFinished(() => void child.kill('SIGKILL'));
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended: ${errors}`);
    return String(value);
  };
  await Promise.race([next(), once(child, 'error').then(([error]) => Promise.reject(error))]);
  return {
    ask: async (line) => {
      child.stdin.write(`${line}\n`);
      return JSON.parse(await next());
    },
  };
}

export interface Attacker {
  /** Sends what the expression says, in scapy's terms (see `sender.py`); resolves when it is sent. Returns how many frames. */
  send(packet: string, marker: string): Promise<number>;
}

/** @param names that expressions may use. */
export async function attacker(netns: string, names: Readonly<Record<string, string>>, device = 'eth0'): Promise<Attacker> {
  const python = await helper(netns, 'sender.py', device, ROUTER_MAC);
  return {
    send: async (packet, marker) => {
      const { sent, error } = await python.ask(JSON.stringify({ packet, marker: `<<${marker}>>`, names }));
      if (error !== undefined) throw new Error(`${packet}: ${error}`);
      return sent;
    },
  };
}

export interface Listener {
  /** Markers that came in, in any frame. */
  seen(): Promise<ReadonlySet<string>>;
  /** Marker → ports of this machine where it was delivered. */
  delivered(): Promise<Readonly<Record<string, readonly number[]>>>;
}

/** @param netns the test's own namespace, which is the host's, when absent. */
export async function listener(netns: string | undefined, ...ports: number[]): Promise<Listener> {
  const python = await helper(netns, 'listener.py');
  for (const port of ports) await python.ask(`bind ${port}`);
  return {
    seen: async () => new Set((await python.ask('seen')).seen),
    delivered: async () => (await python.ask('seen')).delivered,
  };
}
