import { execFileSync } from 'node:child_process';

/** The suites that start real daemons need a build of the code under test. */
export default function build(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
