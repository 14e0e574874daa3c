import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { NETNS_DIR } from '../../kernel/resources.js';
import { CliError, EXIT, ExitWith } from '../errors.js';
import type { Io } from '../io.js';
import { type Check, type LabAddresses, type LabEndpoint, planChecks } from '../lab/checks.js';
import { type CurrentLab, fetchCurrent } from '../lab/current.js';
import { executeSteps, type StepReport } from '../lab/execute.js';
import { INTERNET, probeText } from '../lab/expect.js';
import { type Lab, LabFileError, loadLab } from '../lab/load.js';
import { type CheckResult, isAsExpected, LEGEND, mismatchLines, renderMatrix, sourceText, targetText } from '../lab/matrix.js';
import { outsideEndpoints } from '../lab/outside.js';
import { emptyLab, planLab } from '../lab/plan.js';
import type { ProbeTask } from '../lab/probe.js';
import { type Step, stepText } from '../lab/steps.js';
import type { Style } from '../output/text.js';
import { milliseconds } from '../output/units.js';
import { action, type Session, show } from '../session.js';
import { examples, parseCount } from './shared.js';

const SETTLE_MS = 60_000;
const FILE = ['<file>', 'lab file (YAML)'] as const;

export function labCommands(program: Command, io: Io): void {
  const lab = program.command('lab').description('Whole networks from a file: make them, prove them, remove them');
  lab
    .command('up')
    .description('Make what the file says; changes only what differs')
    .argument(...FILE)
    .option('--dry-run', 'only show what would be done')
    .addHelpText('after', examples('eni lab up vagrant/labs/first/lab.yaml', 'eni lab up --dry-run lab.yaml'))
    .action(
      action(io, async (session, [file], { dryRun }) => {
        const wanted = await loadLab(file);
        await converge(session, wanted, wanted.lab, dryRun === true);
      }),
    );
  lab
    .command('down')
    .description('Delete everything that belongs to the lab')
    .argument(...FILE)
    .option('--dry-run', 'only show what would be done')
    .action(
      action(io, async (session, [file], { dryRun }) => {
        const { lab: name } = await loadLab(file);
        await converge(session, emptyLab(name), name, dryRun === true);
      }),
    );
  lab
    .command('test')
    .description(
      'Prove what the file expects, with real packets from inside the instances. Exit code 1 when one is not as expected. Needs root',
    )
    .argument(...FILE)
    .option('--timeout <ms>', 'how long to wait for a packet that should be dropped', parseCount, 700)
    .addHelpText('after', examples('sudo eni lab test vagrant/labs/first/lab.yaml'))
    .action(action(io, testLab));
}

const SIGNS: Readonly<Record<Step['verb'], readonly [sign: string, style: Style]>> = {
  create: ['+', 'green'],
  change: ['~', 'yellow'],
  delete: ['-', 'red'],
};

function stepLine({ paint }: Session, step: Step): string {
  const [sign, style] = SIGNS[step.verb];
  return `${paint(style, sign)} ${stepText(step)}`;
}

async function converge(session: Session, wanted: Lab, name: string, dryRun: boolean): Promise<void> {
  const { io, client, json } = session;
  const steps = planLab(wanted, await fetchCurrent(client, name));
  const ids = new Map<Step, string>();
  const start = performance.now();
  if (dryRun || steps.length === 0) {
    if (!json) for (const step of steps) io.out(`${stepLine(session, step)}\n`);
  } else {
    const onStart = ({ step, index, total }: StepReport) => {
      if (io.progress && !json) io.err(`[${index + 1}/${total}] ${stepText(step)} …`);
    };
    await executeSteps(steps, {
      client,
      signal: io.signal,
      settleMs: SETTLE_MS,
      onStart,
      onDone: ({ step, index, total, ms, id }) => {
        if (id !== undefined) ids.set(step, id);
        if (json) return;
        if (io.progress) io.err('\r\u001b[K');
        io.out(
          `[${index + 1}/${total}] ${stepLine(session, step)}${id === undefined ? '' : ` ${id}`} ${session.paint('dim', `(${milliseconds(ms)})`)}\n`,
        );
      },
    }).catch((error: unknown) => {
      if (io.progress && !json) io.err('\n');
      throw error;
    });
  }
  const report = steps.map((step) => ({ verb: step.verb, subject: step.subject, detail: step.detail, id: ids.get(step) }));
  show(session, { lab: name, dryRun, steps: report }, () => {
    if (steps.length === 0) return `lab ${name}: nothing to do\n`;
    return `lab ${name}: ${steps.length} step${steps.length > 1 ? 's' : ''} ${dryRun ? 'to do' : `done in ${milliseconds(performance.now() - start)}`}\n`;
  });
}

async function testLab(session: Session, [file]: readonly any[], { timeout }: { timeout: number }): Promise<void> {
  const { io, client, paint } = session;
  const lab = await loadLab(file);
  const endpoints = endpointsOf(lab, await fetchCurrent(client, lab.lab));
  const { checks, issues } = planChecks(lab, endpoints);
  if (issues.length > 0) throw new LabFileError(issues.map(({ line, message }) => `${file}:${line}:1: ${message}`));
  if (checks.length === 0) throw new LabFileError([`${file}: 'expect' says nothing that could be tested`]);
  // Loaded only here: it brings the kernel bindings with it.
  const { runProbes } = await import('../lab/probe.js');
  const found = await runProbes(
    checks.map((check) => taskOf(check, endpoints)),
    { timeoutMs: timeout, signal: io.signal },
  );
  const results = checks.flatMap((check, i): CheckResult[] => (found[i] ? [{ check, result: found[i] }] : []));
  const mismatches = mismatchLines(results, file);
  show(session, reportOf(lab, results), () => {
    const summary = `${results.length} checks, ${results.length - mismatches.length} as expected`;
    const verdict = mismatches.length === 0 ? paint('green', `${summary}\n`) : paint('red', `${summary}, ${mismatches.length} not\n`);
    const lines = mismatches.map((line) => `${paint('red', line)}\n`).join('');
    return `${renderMatrix(results, io.columns, paint)}\n${paint('dim', LEGEND)}${lines}${verdict}`;
  });
  if (mismatches.length > 0) throw new ExitWith(EXIT.failed);
}

function reportOf(lab: Lab, results: readonly CheckResult[]) {
  return {
    lab: lab.lab,
    passed: results.every(isAsExpected),
    checks: results.map((entry) => ({
      source: sourceText(entry.check),
      target: targetText(entry.check),
      probe: probeText(entry.check.probe),
      expected: entry.check.expected,
      observed: entry.result.verdict,
      asExpected: isAsExpected(entry),
      line: entry.check.line,
      milliseconds: Math.round(entry.result.ms * 10) / 10,
      ...(entry.result.detail !== undefined && { detail: entry.result.detail }),
    })),
  };
}

/** @throws {CliError} when an instance is not there, does not run, or is not on this machine. */
function endpointsOf(lab: Lab, current: CurrentLab): Map<string, LabEndpoint> {
  if (process.getuid?.() !== 0)
    throw new CliError('NotRoot', "packets are sent from inside the instances' network namespaces: run it with sudo");
  const outside = [...outsideEndpoints(lab, current)];
  for (const [name, { namespace }] of outside)
    if (!existsSync(`${NETNS_DIR}/${namespace}`))
      throw new CliError(
        'NotHere',
        `there is no namespace ${namespace} (${name}) on this machine: eni lab up first, and run eni lab test there`,
      );
  return new Map([
    ...Object.entries(lab.instances).map(([name, { interfaces }]): [string, LabEndpoint] => {
      const instance = current.instances.get(name);
      if (!instance) throw new CliError('NotUp', `the lab's instance ${name} does not exist: eni lab up first`);
      if (instance.state !== 'running')
        throw new CliError('NotUp', `${name} (${instance.instanceId}) is ${instance.state}: eni lab up first`);
      const namespace = instance.namespace ?? instance.instanceId;
      if (!existsSync(`${NETNS_DIR}/${namespace}`))
        throw new CliError(
          'NotHere',
          `${name} (${instance.instanceId}) is on host ${instance.hostId ?? '(unknown)'}: run eni lab test there`,
        );
      return [name, { namespace, interfaces: interfaces.map((entry) => addressesOf(current, name, entry)) }];
    }),
    ...outside,
  ]);
}

function addressesOf(current: CurrentLab, instance: string, name: string): LabAddresses {
  const found = current.interfaces.get(name);
  const ipv4 = found?.privateIpAddresses.find((address) => address.primary)?.privateIpAddress;
  if (!found || ipv4 === undefined || found.attachment?.instanceId !== current.instances.get(instance)?.instanceId)
    throw new CliError('NotUp', `interface ${name} is not attached to ${instance}: eni lab up first`);
  const [ipv6] = found.ipv6Addresses;
  const elastic = [...current.elasticAddresses.values()].find(({ association }) => {
    return association?.networkInterfaceId === found.networkInterfaceId && association.privateIpAddress === ipv4;
  });
  return { ipv4, ...(ipv6 !== undefined && { ipv6 }), ...(elastic && { publicIp: elastic.publicIp }) };
}

function taskOf(
  { source, sourceIndex, target, targetIndex, targetPublic, probe, expected }: Check,
  endpoints: ReadonlyMap<string, LabEndpoint>,
): ProbeTask {
  const from = endpoints.get(source);
  const to = endpoints.get(target);
  const field = probe.family === 4 ? 'ipv4' : 'ipv6';
  const isOutside = from?.outside === true;
  const fromAddress = sourceIndex === undefined && !isOutside ? undefined : from?.interfaces[sourceIndex ?? 0]?.[field];
  const toAddress = to?.interfaces[targetIndex]?.[field];
  const isPublic = probe.family === 4 && (targetPublic === true || (isOutside && source === INTERNET));
  const address = (isPublic ? to?.interfaces[targetIndex]?.publicIp : undefined) ?? toAddress;
  if (!from || !to || toAddress === undefined || address === undefined)
    throw new CliError('NotUp', `${targetText({ target, targetIndex })} has no IPv${probe.family} address`);
  return {
    from: { namespace: from.namespace, ...(fromAddress !== undefined && { address: fromAddress }) },
    to: { namespace: to.namespace, address, listenAddress: toAddress },
    probe,
    expected,
  };
}
