// The three ways in which results are shown.

const TITLES = ['', 'measured', 'p99', 'reference', '', 'ratio', 'goal'];

const machineLine = ({ kernel, node, cores, cpu, memory, loadBefore, loadAfter }) =>
  `Linux ${kernel}, Node ${node}, ${cores} × ${cpu}, ${memory} GB; load average ${loadBefore.toFixed(1)} before, ${loadAfter.toFixed(1)} after`;

const cellsOf = ({ what, value, unit, p99, reference, ratio, goal }) => [
  what,
  `${value} ${unit}`.trim(),
  p99 === undefined ? '' : `${p99} ${unit}`.trim(),
  reference ? `${reference.value} ${unit}`.trim() : '',
  reference?.what ?? '',
  ratio === undefined ? '' : `× ${ratio}`,
  goal ?? '',
];

export function printJson(machine, results) {
  console.log(JSON.stringify({ machine, results }, null, 2));
}

export function printMarkdown(machine, results) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  console.log(`${machineLine(machine)}\n`);
  console.log(row(TITLES));
  console.log(row(TITLES.map(() => '---')));
  for (const result of results) console.log(row(cellsOf(result).map((cell) => cell.replaceAll('|', '\\|'))));
}

export function printTable(machine, results) {
  console.log(`${machineLine(machine)}\n`);
  const rows = [TITLES, ...results.map(cellsOf)];
  const widths = TITLES.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}
