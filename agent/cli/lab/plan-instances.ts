import type * as wire from '../wire.js';
import type { LabPlan } from './plan.js';
import { guestText } from './schema.js';
import { type Id, pathTo, type Step, type Template } from './steps.js';

/** Instances, and which interface is where. */
export function planInstances(plan: LabPlan): void {
  for (const [name, found] of plan.gone('instances')) planEnd(plan, name, found);
  for (const [name, wanted] of plan.missing('instances')) {
    const { type, interfaces, index, userData, sourceBasedRouting, container: containerId, netns, pid } = wanted;
    const networkInterfaces = interfaces.map((entry, place) => ({
      deviceIndex: index + place,
      networkInterfaceId: plan.id('interfaces', entry),
    }));
    plan.create(
      'run',
      'instances',
      name,
      { containerId, netns, pid, instanceType: type, networkInterfaces, userData: userData || undefined, sourceBasedRouting },
      { until: untilRunning(plan.id('instances', name)), register: guestText(wanted) },
    );
  }
  for (const { name } of plan.kept('instances')) planChanges(plan, name);
  planPlaces(plan);
}

function reaches(noun: 'instance' | 'interface', id: Id, ...states: string[]): Step['until'] {
  return { path: pathTo(noun, id), states };
}

/** A guest that is away stops its instance again, or ends it: then there is nothing to wait for. */
function untilRunning(id: Id): Step['until'] {
  return { path: pathTo('instance', id), states: ['running'], inVain: ['stopped', 'terminated'] };
}

function planEnd(plan: LabPlan, name: string, { instanceId, state }: wire.Instance): void {
  for (const { name: entry, found } of plan.kept('interfaces')) {
    if (found.attachment?.instanceId !== instanceId || !found.attachment.deleteOnTermination) continue;
    plan.change('terminate', 'interfaces', entry, 'keep it when its instance ends', {
      method: 'PATCH',
      path: pathTo('interface', found.networkInterfaceId),
      body: { deleteOnTermination: false },
    });
  }
  const until = reaches('instance', instanceId, 'terminated');
  if (state === 'shutting-down')
    plan.change('terminate', 'instances', name, 'wait for its end', { method: 'GET', path: pathTo('instance', instanceId), until });
  else plan.delete('terminate', 'instances', name, instanceId, until);
}

function planChanges(plan: LabPlan, name: string): void {
  const wanted = plan.lab.instances[name];
  const found = plan.current.instances.get(name);
  if (!wanted || !found) return;
  const { instanceId, state } = found;
  const body: Record<string, Template> = {};
  const needsStop: string[] = [];
  if (wanted.type !== undefined && wanted.type !== found.instanceType) {
    body.instanceType = wanted.type;
    needsStop.push(`type ${wanted.type}`);
  }
  if (wanted.userData !== (found.userData ?? '')) {
    body.userData = wanted.userData;
    needsStop.push('user data');
  }
  const details = [...needsStop];
  if (found.sourceBasedRouting !== undefined && wanted.sourceBasedRouting !== found.sourceBasedRouting) {
    body.sourceBasedRouting = wanted.sourceBasedRouting;
    details.push(`source-based routing ${wanted.sourceBasedRouting ? 'on' : 'off'}`);
  }
  const runs = state === 'running' || state === 'pending';
  const stop = needsStop.length > 0 ? state !== 'stopped' : state === 'stopping';
  const change = (detail: string, call: Pick<Step, 'method' | 'path' | 'body' | 'until'>) =>
    plan.change('change instances', 'instances', name, detail, call);
  if (stop)
    change('stop', {
      method: 'POST',
      path: pathTo('instance', instanceId, 'stop'),
      body: {},
      until: reaches('instance', instanceId, 'stopped'),
    });
  if (details.length > 0) change(details.join(', '), { method: 'PATCH', path: pathTo('instance', instanceId), body });
  if (stop || !runs)
    change('start', {
      method: 'POST',
      path: pathTo('instance', instanceId, 'start'),
      body: {},
      until: untilRunning(instanceId),
    });
}

interface Place {
  readonly instance: string;
  readonly index: number;
}

/** Moves, detaches and attaches secondary interfaces of instances that stay; a new instance brings its interfaces along. */
function planPlaces(plan: LabPlan): void {
  const wantedPlaces = new Map<string, Place>();
  for (const [instance, { interfaces, index }] of Object.entries(plan.lab.instances))
    interfaces.forEach((name, place) => void wantedPlaces.set(name, { instance, index: index + place }));
  const endingIds = new Set(plan.gone('instances').map(([, found]) => found.instanceId));

  const leaving: { readonly name: string; readonly found: wire.NetworkInterface; readonly to?: Place }[] = [];
  const arriving: { readonly name: string; readonly to: Place }[] = [];
  for (const [name, found] of plan.current.interfaces) {
    const to = plan.stays('interfaces', name) ? wantedPlaces.get(name) : undefined;
    const { attachment } = found;
    if (attachment && !endingIds.has(attachment.instanceId)) {
      const isThere = to && plan.knownId('instances', to.instance) === attachment.instanceId && to.index === attachment.deviceIndex;
      if (isThere && attachment.status !== 'detaching') continue;
      leaving.push({ name, found, ...(to && { to }) });
    } else if (to && plan.stays('instances', to.instance)) arriving.push({ name, to });
  }
  for (const [name] of plan.missing('interfaces')) {
    const to = wantedPlaces.get(name);
    if (to && plan.stays('instances', to.instance)) arriving.push({ name, to });
  }

  const occupied = new Set(
    [...plan.current.interfaces.values()].flatMap(({ attachment: a }) => (a ? [`${a.instanceId} ${a.deviceIndex}`] : [])),
  );
  for (const { name, found, to } of leaving) {
    const target = to && plan.knownId('instances', to.instance);
    const movable = found.attachment?.status !== 'detaching' && target !== undefined && found.attachment?.instanceId !== target;
    if (to && target !== undefined && movable && !occupied.has(`${target} ${to.index}`)) {
      plan.change('move', 'interfaces', name, `move to eth${to.index} of ${to.instance}`, {
        method: 'POST',
        path: pathTo('interface', found.networkInterfaceId, 'move'),
        body: { instanceId: target, deviceIndex: to.index },
        until: reaches('interface', found.networkInterfaceId, 'in-use'),
      });
      continue;
    }
    planDetach(plan, name, found);
    if (to && target !== undefined) arriving.push({ name, to });
  }
  for (const { name, to } of arriving) {
    plan.change('attach', 'interfaces', name, `attach as eth${to.index} of ${to.instance}`, {
      method: 'POST',
      path: pathTo('interface', plan.id('interfaces', name), 'attach'),
      body: { instanceId: plan.id('instances', to.instance), deviceIndex: to.index },
      until: reaches('interface', plan.id('interfaces', name), 'in-use'),
    });
  }
}

function planDetach(plan: LabPlan, name: string, { networkInterfaceId, attachment }: wire.NetworkInterface): void {
  const path = pathTo('interface', networkInterfaceId);
  const until = reaches('interface', networkInterfaceId, 'available');
  if (attachment?.status === 'detaching')
    plan.change('detach', 'interfaces', name, 'wait until it is detached', { method: 'GET', path, until });
  else
    plan.change('detach', 'interfaces', name, 'detach', {
      method: 'POST',
      path: pathTo('interface', networkInterfaceId, 'detach'),
      body: {},
      until,
    });
}
