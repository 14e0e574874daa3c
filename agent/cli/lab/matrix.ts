import { displayWidth, type Paint, padEnd } from '../output/text.js';
import { type Check, compareProbes } from './checks.js';
import { type Probe, probeText } from './expect.js';
import type { ProbeResult, Verdict } from './probe.js';

/** Results of `eni lab test` as a matrix: rows are sources, columns are probes, grouped by target. Pure. */

export interface CheckResult {
  readonly check: Check;
  readonly result: ProbeResult;
}

export const isAsExpected = ({ check, result }: CheckResult): boolean => result.verdict === check.expected;

const MARK: Readonly<Record<Verdict, string>> = { passes: '✓', dropped: '✗', refused: 'R', 'one-way': '½', failed: '?' };

/** `web`, or `web/eth1` for another interface than the first. */
export function endpointText(instance: string, index: number | undefined, always = false): string {
  return index === undefined || (index === 0 && !always) ? instance : `${instance}/eth${index}`;
}
export const sourceText = (check: Pick<Check, 'source' | 'sourceIndex'>): string => endpointText(check.source, check.sourceIndex, true);
export const targetText = (check: Pick<Check, 'target' | 'targetIndex' | 'targetPublic'>): string =>
  `${endpointText(check.target, check.targetIndex)}${check.targetPublic ? '@public' : ''}`;

const columnText = (probe: Probe): string => probeText(probe).replace(' over IPv6', ' v6');

interface Block {
  readonly target: string;
  readonly columns: readonly string[];
  readonly width: number;
}

/** Blocks of columns are put side by side as far as `width` goes. Marks that are not as expected carry `!`. */
export function renderMatrix(results: readonly CheckResult[], width: number, paint: Paint): string {
  const sources = [...new Set(results.map(({ check }) => sourceText(check)))];
  const margin = Math.max(...sources.map(displayWidth), 'from'.length) + 2;
  const cells = new Map(
    results.map((entry) => [`${sourceText(entry.check)} ${targetText(entry.check)} ${columnText(entry.check.probe)}`, entry]),
  );
  const bands = bandsOf(blocksOf(results), width - margin);
  const rendered = bands.map((blocks) => {
    const titles = padEnd('', margin) + blocks.map((block) => padEnd(`→ ${block.target}`, block.width)).join('');
    const heads = padEnd('from', margin) + blocks.map((block) => padEnd(block.columns.map(columnCell).join(''), block.width)).join('');
    const rows = sources.flatMap((source) => {
      const marks = blocks.map((block) => {
        const found = block.columns.map((column) => cells.get(`${source} ${block.target} ${column}`));
        const text = found.map((entry, i) => markCell(entry, displayWidth(columnCell(block.columns[i] ?? '')), paint)).join('');
        const used = block.columns.reduce((sum, column) => sum + displayWidth(columnCell(column)), 0);
        return { text: text + ' '.repeat(Math.max(0, block.width - used)), filled: found.some(Boolean) };
      });
      return marks.some((mark) => mark.filled) ? [padEnd(source, margin) + marks.map((mark) => mark.text).join('')] : [];
    });
    return [paint('bold', titles.trimEnd()), paint('dim', heads.trimEnd()), ...rows.map((row) => row.trimEnd())].join('\n');
  });
  return `${rendered.join('\n\n')}\n`;
}

const columnCell = (column: string): string => `${column}  `;

function markCell(entry: CheckResult | undefined, width: number, paint: Paint): string {
  if (!entry) return padEnd('·', width);
  const mark = MARK[entry.result.verdict];
  if (!isAsExpected(entry)) return paint('reverse', paint('red', `${mark}!`)) + ' '.repeat(Math.max(0, width - 2));
  return paint(entry.result.verdict === 'passes' ? 'green' : 'dim', mark) + ' '.repeat(Math.max(0, width - 1));
}

function blocksOf(results: readonly CheckResult[]): Block[] {
  const targets = new Map<string, Probe[]>();
  for (const { check } of results) targets.set(targetText(check), [...(targets.get(targetText(check)) ?? []), check.probe]);
  return [...targets].map(([target, probes]) => {
    const sorted = probes.sort((a, b) => a.family - b.family || compareProbes(a, b));
    const columns = [...new Set(sorted.map(columnText))];
    const used = columns.reduce((sum, column) => sum + displayWidth(columnCell(column)), 0);
    return { target, columns, width: Math.max(used, displayWidth(target) + 4) + 2 };
  });
}

function bandsOf(blocks: readonly Block[], width: number): Block[][] {
  const bands: Block[][] = [];
  let left = 0;
  for (const block of blocks) {
    const band = bands.at(-1);
    if (band && block.width <= left) band.push(block);
    else bands.push([block]);
    left = (band && block.width <= left ? left : width) - block.width;
  }
  return bands;
}

const VERDICT_TEXT: Readonly<Record<Verdict, string>> = {
  passes: 'it passes',
  dropped: 'it is dropped',
  refused: 'it arrives and is refused',
  'one-way': 'it arrives, but the answer is lost',
  failed: 'it could not be tried',
};

/** One line per result that is not as expected, with the line of the file that says otherwise. */
export function mismatchLines(results: readonly CheckResult[], file: string): string[] {
  return results
    .filter((entry) => !isAsExpected(entry))
    .map(({ check, result }) => {
      const expected = check.expected === 'passes' ? 'passes' : 'is dropped';
      const detail = result.detail === undefined ? '' : ` (${result.detail})`;
      return `${file}:${check.line}: ${sourceText(check)} -> ${targetText(check)} ${probeText(check.probe)} ${expected}, but ${VERDICT_TEXT[result.verdict]}${detail}`;
    });
}

export const LEGEND = '✓ passes  ✗ dropped  R refused  ½ one way  ? not tried  ! not as expected\n';
