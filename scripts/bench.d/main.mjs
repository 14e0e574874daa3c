import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { api } from './api.mjs';
import { attach } from './attach.mjs';
import { containers } from './containers.mjs';
import { failover } from './failover.mjs';
import { fleet } from './fleet.mjs';
import { macvlan } from './macvlan.mjs';
import { metadata } from './metadata.mjs';
import { move } from './move.mjs';
import { routes } from './routes.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    interfaces: { type: 'string', default: '1000' },
  },
});
const options = { rounds: Number(values.rounds), interfaces: Number(values.interfaces) };
const benchmarks = { api, attach, containers, move, failover, routes, metadata, macvlan, fleet };
const results = [];
for (const [name, benchmark] of Object.entries(benchmarks)) {
  if (values.only && values.only !== name) continue;
  results.push(...(await benchmark(options)));
}

const machine = { kernel: release(), node: process.version, cores: cpus().length, cpu: cpus()[0]?.model };
if (values.json) console.log(JSON.stringify({ machine, results }, null, 2));
else {
  console.log(`kernel ${machine.kernel}, Node ${machine.node}, ${machine.cores} × ${machine.cpu}\n`);
  const cells = results.map((each) => [
    each.what,
    `${each.value} ${each.unit}`,
    each.reference ? `${each.reference.value} ${each.unit}` : '',
    each.reference?.what ?? '',
    each.ratio === undefined ? '' : `× ${each.ratio}`,
  ]);
  const rows = [['', 'measured', 'reference', '', 'ratio'], ...cells];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}
