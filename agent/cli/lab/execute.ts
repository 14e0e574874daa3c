import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { Client, Json, Resource } from '../client.js';
import { CliError, RequestRefused } from '../errors.js';
import { NOUNS } from '../nouns.js';
import { mainTableKey } from './plan-routes.js';
import { resolvePath, resolveTemplate, type Step, stepText } from './steps.js';
import { NetworkAcl } from './wire.js';

export interface StepReport {
  readonly step: Step;
  readonly index: number;
  readonly total: number;
}

export interface StepDone extends StepReport {
  readonly ms: number;
  /** Of what the step created. */
  readonly id?: string;
}

export interface ExecuteOptions {
  readonly client: Client;
  readonly signal: AbortSignal;
  /** How long a resource may take to reach the state that a step waits for, milliseconds. */
  readonly settleMs: number;
  readonly onStart: (report: StepReport) => void;
  readonly onDone: (report: StepDone) => void;
  readonly onFailure: (report: StepReport) => void;
}

/** Carries out the steps in order; stops at the first that fails. Running the lab again goes on from there. @throws {CliError} */
export async function executeSteps(steps: readonly Step[], options: ExecuteOptions): Promise<void> {
  const ids = new Map<string, string>();
  for (const [index, step] of steps.entries()) {
    const report = { step, index, total: steps.length };
    options.onStart(report);
    const start = performance.now();
    const id = await executeStep(step, ids, options).catch((error: unknown) => {
      options.onFailure(report);
      throw error;
    });
    options.onDone({ ...report, ms: performance.now() - start, ...(id !== undefined && { id }) });
  }
}

async function executeStep(step: Step, ids: Map<string, string>, options: ExecuteOptions): Promise<string | undefined> {
  const { client } = options;
  if (step.finds) ids.set(step.finds.key, await aclAssociation(client, String(resolveTemplate(step.finds.subnetId, ids))));
  const body = step.body === undefined ? undefined : resolveTemplate(step.body, ids);
  const answer = await client.request(step.method, resolvePath(step.path, ids), body).catch((error: unknown) => {
    if (error instanceof RequestRefused)
      throw new CliError(error.code, `${stepText(step)}: ${error.message}`, error.exitCode, { cause: error });
    throw error;
  });
  const id = step.creates && remember(step.creates, answer, ids);
  if (step.until) await reach(step, resolvePath(step.until.path, ids), step.until, options);
  return id;
}

async function aclAssociation(client: Client, subnetId: string): Promise<string> {
  const acls = (await client.list(NOUNS.acl.path)).map((acl) => NetworkAcl.parse(acl));
  const found = acls.flatMap((acl) => acl.associations).find((association) => association.subnetId === subnetId);
  if (!found) throw new CliError('NotFound', `subnet ${subnetId} has no network ACL`);
  return found.associationId;
}

const One = z.record(z.string(), z.json());
/** A run may make several; a registration answers with the one. */
const Run = z
  .looseObject({ instances: z.tuple([One]) })
  .transform(({ instances: [only] }) => only)
  .or(One);

/** Notes the id of what was created, and for a VPC that of its main route table. */
function remember({ key, noun }: NonNullable<Step['creates']>, answer: Json, ids: Map<string, string>): string {
  const resource: Resource = (noun === 'instance' ? Run : One).parse(answer);
  const id = z.string().parse(resource[NOUNS[noun].idField]);
  ids.set(key, id);
  if (noun === 'vpc') ids.set(mainTableKey(key.slice('vpc/'.length)), z.string().parse(resource.mainRouteTableId));
  return id;
}

const POLL_MS = 50;
const State = z.looseObject({
  state: z.string().optional(),
  status: z.string().optional(),
  stateReason: z.looseObject({ message: z.string() }).optional(),
  condition: z.looseObject({ realised: z.boolean(), message: z.string().optional() }).optional(),
});

/** Asks until the resource is in one of the states. Most answers come when it is already there. */
async function reach(
  step: Step,
  path: string,
  { states, inVain = [] }: NonNullable<Step['until']>,
  { client, settleMs, signal }: ExecuteOptions,
): Promise<void> {
  const deadline = performance.now() + settleMs;
  for (;;) {
    const now = await read(client, path);
    const state = now.state ?? now.status ?? '';
    if (states.includes(state)) return;
    if (inVain.includes(state))
      throw new CliError('NotSettled', `${stepText(step)}: it is ${state} again: ${now.stateReason?.message ?? 'no reason is known'}`);
    if (performance.now() > deadline) {
      const fault = now.condition && !now.condition.realised ? ` (${now.condition.message ?? 'not realised'})` : '';
      throw new CliError('NotSettled', `${stepText(step)}: still ${state} after ${settleMs / 1000} s${fault}`);
    }
    await wait(POLL_MS, undefined, { signal });
  }
}

async function read(client: Client, path: string): Promise<z.output<typeof State>> {
  try {
    return State.parse(await client.request('GET', path));
  } catch (error) {
    if (error instanceof RequestRefused && error.code.endsWith('.NotFound')) return { state: 'terminated' };
    throw error;
  }
}
