import { z } from 'zod';
import type { Container, ContainerEvent } from './engine.js';

/** What the Docker API says, as far as it concerns us; Podman's compatible API says the same. Pure. */

const Inspection = z.looseObject({
  Id: z.string(),
  Name: z.string(),
  State: z.looseObject({ Running: z.boolean(), Pid: z.number().int() }),
  HostConfig: z.looseObject({ NetworkMode: z.string() }),
  Config: z.looseObject({ Labels: z.record(z.string(), z.string()).nullish() }),
});

/** @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerInspect */
export function parseInspection(body: unknown): Container {
  const { Id, Name, State, HostConfig, Config } = Inspection.parse(body);
  return {
    id: Id,
    name: Name.replace(/^\//, ''),
    running: State.Running && State.Pid > 0,
    pid: State.Pid,
    networkMode: HostConfig.NetworkMode,
    labels: Config.Labels ?? {},
  };
}

const Listed = z.array(z.looseObject({ Names: z.array(z.string()) }));
export const parseList = (body: unknown): string[] =>
  Listed.parse(body).flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, '')));

/** Docker says `destroy` and `die`, Podman `remove` and `died`. */
const ACTIONS: Readonly<Record<string, ContainerEvent['action']>> = {
  start: 'start',
  die: 'die',
  died: 'die',
  destroy: 'destroy',
  remove: 'destroy',
};

const Event = z.looseObject({
  Type: z.literal('container'),
  Action: z.string(),
  Actor: z.looseObject({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }),
});

/** One line of the stream of events; `undefined`: it does not concern us. */
export function parseEvent(line: string): ContainerEvent | undefined {
  if (line.trim() === '') return undefined;
  const parsed = Event.safeParse(jsonOf(line));
  if (!parsed.success) return undefined;
  const action = Object.hasOwn(ACTIONS, parsed.data.Action) ? ACTIONS[parsed.data.Action] : undefined;
  const { ID, Attributes } = parsed.data.Actor;
  return action && { action, id: ID, name: Attributes?.name ?? '' };
}

/** What the engine answers instead, in words. */
export function parseComplaint(text: string): string {
  const body = jsonOf(text);
  const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : undefined;
  return typeof message === 'string' ? message : text.trim().slice(0, 300);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
