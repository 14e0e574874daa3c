import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

/** Real packets from inside instances. Every wait is bounded; "dropped" means unanswered for this long. */
const DROP_SECONDS = '0.6';

/** Runs a program in a namespace; the answer has exitCode, stdout, stderr. */
export function inside(netns: string, ...argv: string[]) {
  return execa('ip', ['netns', 'exec', netns, ...argv], { reject: false, timeout: 20_000 });
}

export async function pings(netns: string, address: string, ...options: string[]): Promise<boolean> {
  const { exitCode } = await inside(netns, 'ping', '-c', '1', '-W', DROP_SECONDS, ...options, address);
  return exitCode === 0;
}

/** Whether a TCP connection to address and port is taken and greeted by `echo.cjs`; resolves to who the server saw. */
export async function tcp(netns: string, address: string, port: number): Promise<string | undefined> {
  const script = 'exec 3<>"/dev/tcp/$1/$2" && IFS= read -r -t "$3" -u 3 line && printf %s "$line"';
  const { exitCode, stdout } = await inside(netns, 'timeout', '1', 'bash', '-c', script, 'tcp', address, String(port), DROP_SECONDS);
  return exitCode === 0 ? stdout.split(' ')[0] : undefined;
}

/** Whether a datagram comes back. */
export async function udp(netns: string, address: string, port: number): Promise<boolean> {
  const script = 'exec 3<>"/dev/udp/$1/$2" && echo hello >&3 && [ "$(timeout "$3" head -c 5 <&3)" = hello ]';
  const { exitCode } = await inside(netns, 'timeout', '2', 'bash', '-c', script, 'udp', address, String(port), DROP_SECONDS);
  return exitCode === 0;
}

/** Starts echo servers (`tcp:80`, `udp:53`) in a namespace; they end with the test. */
export async function serve(netns: string, ...ports: string[]): Promise<ChildProcess> {
  const server = spawn(
    'ip',
    ['netns', 'exec', netns, 'setpriv', '--pdeathsig', 'KILL', process.execPath, 'test/support/echo.cjs', ...ports],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void server.kill('SIGKILL'));
  const [line] = await Promise.race([once(server.stdout as NodeJS.ReadableStream, 'data'), once(server, 'exit')]);
  if (!String(line).includes('ready')) throw new Error(`echo servers ${ports} in ${netns} did not start`);
  return server;
}

/** Waits until a condition holds; fails after `withinMs`. */
export async function until(condition: () => Promise<boolean> | boolean, withinMs = 5000, what = 'condition'): Promise<number> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > withinMs) throw new Error(`${what} did not hold within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - start;
}

/** A TCP connection that stays open; `answers` sends a line and waits for its echo. */
export async function openConnection(netns: string, address: string, port: number): Promise<{ answers(): Promise<boolean> }> {
  const script = `const s = require('net').connect(${port}, '${address}');
    s.once('data', () => { process.stdout.write('open\\n'); s.on('data', (d) => process.stdout.write(d)); process.stdin.on('data', (d) => s.write(d)); });`;
  const client: ChildProcess = spawn('ip', ['netns', 'exec', netns, process.execPath, '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void client.kill('SIGKILL'));
  let received = '';
  client.stdout?.on('data', (chunk) => {
    received += chunk;
  });
  await once(client.stdout as NodeJS.ReadableStream, 'data');
  let asked = 0;
  return {
    answers: async () => {
      asked += 1;
      const word = `question-${asked}\n`;
      client.stdin?.write(word);
      return until(() => received.includes(word), 1000).then(
        () => true,
        () => false,
      );
    },
  };
}
