import { systemClock } from '../lib/clock.js';
import type { StatusBoard } from '../reconcile/status-board.js';
import type { Store } from '../store/store.js';
import type { HttpDeps } from './deps.js';
import type { ResourceEvent } from './event-hub.js';
import { commitEvents, statusEvents } from './resource-events.js';
import { viewContext } from './rest/view.js';

/** From now on every commit and every turn of a condition is told by `deps.events`. Returns the function that stops it. */
export function publishEvents(
  deps: Pick<HttpDeps, 'config' | 'status' | 'runtime' | 'features' | 'events'>,
  store: Pick<Store, 'watch' | 'snapshot'>,
  status: Pick<StatusBoard, 'onTurn'>,
): () => void {
  const context = (snapshot: ReturnType<Store['snapshot']>) => viewContext(deps, snapshot);
  const publish = (events: readonly ResourceEvent[]) => {
    for (const event of events) deps.events.publish(event);
  };
  const stops = [
    store.watch((commit) => publish(commitEvents(commit, context, systemClock.iso()))),
    status.onTurn((condition) => publish(statusEvents(condition, store.snapshot(), context, systemClock.iso()))),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
