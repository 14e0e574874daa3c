import { existsSync } from 'node:fs';
import { NETNS_DIR } from '../../kernel/resources.js';
import { CliError, EXIT, ExitWith } from '../errors.js';
import type { Style } from '../output/text.js';
import { milliseconds } from '../output/units.js';
import { type Session, show } from '../session.js';
import { type Check, type LabAddresses, type LabEndpoint, planChecks } from './checks.js';
import { type CurrentLab, fetchCurrent } from './current.js';
import { executeSteps, type StepDone, type StepReport } from './execute.js';
import { INTERNET, probeText } from './expect.js';
import { type Lab, LabFileError, loadLab } from './load.js';
import { type CheckResult, isAsExpected, LEGEND, mismatchLines, renderMatrix, sourceText, targetText } from './matrix.js';
import { outsideEndpoints } from './outside.js';
import { emptyLab, planLab } from './plan.js';
import type { ProbeTask } from './probe.js';
import { type Step, stepText } from './steps.js';

/** How long an instance or interface may take to get where a step wants it, milliseconds. */
const SETTLE_MS = 60_000;

const SIGNS: Readonly<Record<Step['verb'], readonly [sign: string, style: Style]>> = {
  create: ['+', 'green'],
  change: ['~', 'yellow'],
  delete: ['-', 'red'],
};

function stepLine({ paint }: Pick<Session, 'paint'>, step: Step): string {
  const [sign, style] = SIGNS[step.verb];
  return `${paint(style, sign)} ${stepText(step)}`;
}

export interface LabOptions {
  readonly dryRun?: boolean;
}

export async function labUp(session: Session, file: string, { dryRun = false }: LabOptions): Promise<void> {
  const wanted = await loadLab(file);
  await converge(session, wanted, dryRun);
}

export async function labDown(session: Session, file: string, { dryRun = false }: LabOptions): Promise<void> {
  const { lab } = await loadLab(file);
  await converge(session, emptyLab(lab), dryRun);
}

async function converge(session: Session, wanted: Lab, dryRun: boolean): Promise<void> {
  const { io, client, json } = session;
  const { lab: name } = wanted;
  const steps = planLab(wanted, await fetchCurrent(client, name));
  const ids = new Map<Step, string>();
  const start = performance.now();
  if (!dryRun) await executeSteps(steps, { client, signal: io.signal, settleMs: SETTLE_MS, ...progress(session, ids) });
  else if (!json) for (const step of steps) io.out(`${stepLine(session, step)}\n`);
  const report = steps.map((step) => ({ verb: step.verb, subject: step.subject, detail: step.detail, id: ids.get(step) }));
  show(session, { lab: name, dryRun, steps: report }, () => {
    if (steps.length === 0) return `lab ${name}: nothing to do\n`;
    const count = `${steps.length} step${steps.length > 1 ? 's' : ''}`;
    return `lab ${name}: ${count} ${dryRun ? 'to do' : `done in ${milliseconds(performance.now() - start)}`}\n`;
  });
}

/** Notes the ids of what is created, and for people prints a line per step: on a terminal already while it is under way. */
function progress({ io, json, paint }: Session, ids: Map<Step, string>) {
  const live = io.progress && !json;
  return {
    onStart: ({ step, index, total }: StepReport) => {
      if (live) io.err(`[${index + 1}/${total}] ${stepText(step)} …`);
    },
    onDone: ({ step, index, total, ms, id }: StepDone) => {
      if (id !== undefined) ids.set(step, id);
      if (live) io.err('\r\u001b[K');
      const made = id === undefined ? '' : ` ${id}`;
      if (!json) io.out(`[${index + 1}/${total}] ${stepLine({ paint }, step)}${made} ${paint('dim', `(${milliseconds(ms)})`)}\n`);
    },
    onFailure: () => {
      if (live) io.err('\n');
    },
  };
}

export async function labTest(session: Session, file: string, { timeout }: { timeout: number }): Promise<void> {
  const { io, client, paint } = session;
  const lab = await loadLab(file);
  const endpoints = endpointsOf(lab, await fetchCurrent(client, lab.lab));
  const { checks, issues } = planChecks(lab, endpoints);
  if (issues.length > 0) throw new LabFileError(issues.map(({ line, message }) => `${file}:${line}:1: ${message}`));
  if (checks.length === 0) throw new LabFileError([`${file}: 'expect' says nothing that could be tested`]);
  // Loaded only here: it brings the kernel bindings with it.
  const { runProbes } = await import('./probe.js');
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
    ...Object.entries(lab.instances).map(([name, { interfaces, index }]): [string, LabEndpoint] => {
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
      const none = Array<undefined>(index).fill(undefined);
      return [name, { namespace, interfaces: [...none, ...interfaces.map((entry) => addressesOf(current, name, entry))] }];
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
