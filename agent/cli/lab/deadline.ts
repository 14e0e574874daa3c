/**
 * Deadlines for probes. Time is counted in turns of a timer, not by the clock: when this process is late (many sockets, a busy
 * machine), what has arrived meanwhile is handled before a wait can end, so that lateness is never mistaken for a dropped packet.
 */

const TURN_MS = 25;

export class Deadlines {
  private readonly waiting = new Map<AbortController, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly signal: AbortSignal) {
    this.timer = setInterval(() => this.turn(), TURN_MS);
  }

  /** Aborts after about so many milliseconds, or with the signal of all. */
  after(ms: number): AbortSignal {
    const controller = new AbortController();
    this.waiting.set(controller, Math.ceil(ms / TURN_MS) + 1);
    return controller.signal;
  }

  close(): void {
    clearInterval(this.timer);
    this.waiting.clear();
  }

  private turn(): void {
    for (const [controller, turns] of this.waiting) {
      if (turns > 1 && !this.signal.aborted) {
        this.waiting.set(controller, turns - 1);
        continue;
      }
      this.waiting.delete(controller);
      controller.abort();
    }
  }
}
