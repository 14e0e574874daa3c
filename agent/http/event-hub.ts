/** Something that happened to a resource, as `/v1/events` tells it. */
export interface ResourceEvent {
  readonly type: 'created' | 'modified' | 'deleted' | 'status';
  /** Kind of the resource, as in the model: `networkInterface`, `vpc`, … */
  readonly kind: string;
  /** The resource's id. */
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  /** Revision of the store after the change; for `status`, the newest one. */
  readonly revision: number;
  /** The resource as its GET shows it; absent when it was deleted. */
  readonly view?: unknown;
}

export interface NumberedEvent {
  readonly eventId: string;
  readonly event: ResourceEvent;
}

/**
 * Passes events on and remembers the newest ones, so that a listener that lost its connection can go on where it was.
 * Event ids are `<revision>-<serial>-<life>`: ids of another life of the daemon are not mistaken for its own.
 */
export class EventHub {
  private readonly recent: NumberedEvent[] = [];
  private readonly listeners = new Set<(event: NumberedEvent) => void>();
  private serial = 0;
  private lastId: string;

  constructor(
    /** Tells this life of the daemon from others; digits and letters. */
    private readonly life: string,
    private readonly capacity = 4096,
  ) {
    this.lastId = `0-0-${life}`;
  }

  publish(event: ResourceEvent): void {
    this.lastId = `${event.revision}-${++this.serial}-${this.life}`;
    const numbered = { eventId: this.lastId, event };
    this.recent.push(numbered);
    // Dropping a quarter at a time keeps the cost of forgetting constant per event.
    if (this.recent.length > this.capacity) this.recent.splice(0, Math.max(1, this.capacity >> 2));
    for (const listener of this.listeners) listener(numbered);
  }

  /** Id of the newest event. */
  get position(): string {
    return this.lastId;
  }

  /** Events after the one with that id; `undefined` when they are no longer all known. */
  since(eventId: string): readonly NumberedEvent[] | undefined {
    if (eventId === this.lastId) return [];
    const match = /^\d+-(\d+)-([0-9a-z]+)$/.exec(eventId);
    if (match?.[2] !== this.life) return undefined;
    const missed = this.serial - Number(match[1]);
    return missed >= 0 && missed <= this.recent.length ? this.recent.slice(this.recent.length - missed) : undefined;
  }

  subscribe(listener: (event: NumberedEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
