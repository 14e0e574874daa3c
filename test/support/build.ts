import { execFileSync } from 'node:child_process';

/** The suites that start real daemons need a build of the code under test: once, however many projects ask. */
export default function build(): void {
  const asked = globalThis as { enidIsBuilt?: true };
  if (asked.enidIsBuilt) return;
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
  asked.enidIsBuilt = true;
}
