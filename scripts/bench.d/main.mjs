import { cpus, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { api } from './api.mjs';
import { attach } from './attach.mjs';
import { containers } from './containers.mjs';
import { failover } from './failover.mjs';
import { fleet } from './fleet.mjs';
import { macvlan } from './macvlan.mjs';
import { metadata } from './metadata.mjs';
import { move } from './move.mjs';
import { path } from './path.mjs';
import { printJson, printMarkdown, printTable } from './print.mjs';
import { routes } from './routes.mjs';

const BENCHMARKS = { api, attach, containers, move, failover, routes, metadata, path, macvlan, fleet };

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    markdown: { type: 'boolean' },
    only: { type: 'string', default: Object.keys(BENCHMARKS).join(',') },
    rounds: { type: 'string', default: '15' },
    interfaces: { type: 'string', default: '1000' },
  },
});
const chosen = values.only.split(',');
const unknown = chosen.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}: there are ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exit(2);
}
const machine = {
  kernel: release(),
  node: process.version,
  cores: cpus().length,
  cpu: cpus()[0]?.model,
  memory: Math.round(totalmem() / 2 ** 30),
  loadBefore: loadavg()[0],
};
const results = [];
for (const name of chosen) {
  console.error(`… ${name}`);
  results.push(...(await BENCHMARKS[name]({ rounds: Number(values.rounds), interfaces: Number(values.interfaces) })));
}
const print = values.json ? printJson : values.markdown ? printMarkdown : printTable;
print({ ...machine, loadAfter: loadavg()[0] }, results);
