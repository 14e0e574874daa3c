// Reads vitest's JSON report; names the skipped tests, prints the closing line, exits 1 when anything failed or nothing ran.
import { readFileSync } from 'node:fs';

const [file, otherFailures] = process.argv.slice(2);
let report = { testResults: [], numPassedTests: 0, numFailedTests: 0 };
try {
  report = JSON.parse(readFileSync(file, 'utf8'));
} catch {
  console.error('the test runner left no report');
}
const skipped = report.testResults.flatMap((suite) =>
  suite.assertionResults.filter((test) => ['skipped', 'pending', 'todo'].includes(test.status)),
);
if (skipped.length > 0) console.log(`skipped:\n${skipped.map((test) => `  ${test.fullName}`).join('\n')}`);
const brokenSuites = report.testResults.filter(
  (suite) => suite.status === 'failed' && suite.assertionResults.every((test) => test.status !== 'failed'),
);
for (const suite of brokenSuites) console.log(`did not run: ${suite.name}\n${suite.message}`);
const failed = report.numFailedTests + brokenSuites.length;
const bad = failed > 0 || report.numPassedTests === 0 || otherFailures !== '0';
// Lint, type check or the runner itself failing counts as one failure more.
console.log(`${report.numPassedTests} passed, ${failed + (bad && failed === 0 ? 1 : 0)} failed`);
process.exit(bad ? 1 : 0);
