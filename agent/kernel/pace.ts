import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longest time that a piece of long work holds the event loop up, milliseconds. */
const BREATH_MS = 8;

/** Lets long synchronous work give way to the rest of the process now and then. */
export class Pace {
  #since = performance.now();

  /** Between two steps: does nothing as long as it is not yet time. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#since < BREATH_MS) return;
    await nextTurn();
    this.#since = performance.now();
  }
}
