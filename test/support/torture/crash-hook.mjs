// Loaded into a daemon by `node --import` in the torture tests, and nowhere else: makes it kill itself with SIGKILL at a step that a file
// names. Steps are everything between deciding and done: each send to the kernel (also half of one), each child process, each stage of
// a reconcile pass, each commit. The file holds the number of steps to survive; without it nothing happens. What it died of is
// written beside it.
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { pathToFileURL } from 'node:url';

const plan = process.env.TORTURE_CRASH;
const { readFileSync, unlinkSync, writeFileSync } = fs;

/** Steps to survive; read anew when the file appears. */
let left;

function armed() {
  if (left !== undefined) return true;
  try {
    const steps = Number(readFileSync(plan, 'utf8'));
    // Whoever removes it decides: a test that takes it back first has it not obeyed.
    unlinkSync(plan);
    left = steps;
    return true;
  } catch {
    return false;
  }
}

function step(name) {
  if (!armed() || left-- > 0) return false;
  writeFileSync(`${plan}.died`, name);
  return true;
}

const die = () => process.kill(process.pid, 'SIGKILL');
function pass(name) {
  if (step(name)) die();
}

if (plan !== undefined && process.argv[1]?.endsWith('dist/agent/main.js')) await install();

async function install() {
  const load = (path) => import(pathToFileURL(`${process.cwd()}/dist/agent/${path}`).href);
  const { NetlinkSocket } = await load('kernel/netlink/socket.js');
  const { ReconcileLoop } = await load('reconcile/loop.js');
  const { GroupCommitStore } = await load('store/group-commit.js');

  const { batch, batchAsync } = NetlinkSocket.prototype;
  NetlinkSocket.prototype.batch = function (messages, ...more) {
    pass('before a batch');
    // Half of it reaches the kernel.
    if (messages.length > 1 && step('within a batch')) {
      batch.call(this, messages.slice(0, messages.length >> 1), ...more);
      die();
    }
    const answers = batch.call(this, messages, ...more);
    pass('after a batch');
    return answers;
  };
  NetlinkSocket.prototype.batchAsync = async function (...args) {
    pass('before a slow batch');
    const sent = batchAsync.apply(this, args);
    pass('during a slow batch');
    const answers = await sent;
    pass('after a slow batch');
    return answers;
  };

  for (const [name, type] of Object.entries({ ReconcileLoop, GroupCommitStore })) {
    const { prototype } = type;
    for (const method of Object.getOwnPropertyNames(prototype)) {
      const original = prototype[method];
      if (method === 'constructor' || original.constructor.name !== 'AsyncFunction') continue;
      prototype[method] = async function (...args) {
        pass(`before ${name}.${method}`);
        const result = await original.apply(this, args);
        pass(`after ${name}.${method}`);
        return result;
      };
    }
  }

  const { spawn } = childProcess;
  childProcess.spawn = (...args) => {
    pass(`before a child`);
    const child = spawn(...args);
    pass(`with a child running`);
    return child;
  };
  syncBuiltinESMExports();
}
