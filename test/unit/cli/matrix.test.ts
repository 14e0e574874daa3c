import { describe, expect, it } from 'vitest';
import type { Check } from '../../../agent/cli/lab/checks.js';
import { type CheckResult, mismatchLines, renderMatrix } from '../../../agent/cli/lab/matrix.js';
import type { Verdict } from '../../../agent/cli/lab/probe.js';
import { displayWidth, painter } from '../../../agent/cli/output/text.js';

const result = (
  source: string,
  target: string,
  port: number | 'icmp',
  expected: Check['expected'],
  verdict: Verdict,
  targetIndex = 0,
): CheckResult => ({
  check: {
    source,
    target,
    targetIndex,
    expected,
    line: 7,
    probe: port === 'icmp' ? { protocol: 'icmp', family: 4 } : { protocol: 'tcp', port, family: 4 },
  },
  result: { verdict, ms: 1 },
});

const RESULTS = [
  result('web', 'db', 5432, 'passes', 'passes'),
  result('web', 'db', 'icmp', 'passes', 'dropped'),
  result('bastion', 'db', 5432, 'dropped', 'dropped'),
  result('db', 'web', 22, 'dropped', 'refused'),
  result('db', 'web', 22, 'dropped', 'one-way', 1),
];

describe('renderMatrix', () => {
  it('rows are sources, columns targets and probes; what is not as expected carries a mark', () => {
    expect(renderMatrix(RESULTS, 120, painter(false))).toBe(
      [
        '         → db              → web     → web/eth1',
        'from     icmp  tcp/5432    tcp/22    tcp/22',
        'web      ✗!    ✓           ·         ·',
        'bastion  ·     ✗           ·         ·',
        'db       ·     ·           R!        ½!',
        '',
      ].join('\n'),
    );
  });

  it('goes on below when the terminal is narrow, with the sources that have something there', () => {
    const text = renderMatrix(RESULTS, 40, painter(false));
    expect(text.split('\n\n').map((band) => band.split('\n')[0]?.trim())).toEqual(['→ db              → web', '→ web/eth1']);
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(40);
  });

  it('tells each mismatch with its line', () => {
    expect(mismatchLines(RESULTS, 'lab.yaml')).toEqual([
      'lab.yaml:7: web -> db icmp passes, but it is dropped',
      'lab.yaml:7: db -> web tcp/22 is dropped, but it arrives and is refused',
      'lab.yaml:7: db -> web/eth1 tcp/22 is dropped, but it arrives, but the answer is lost',
    ]);
  });
});
