/** What became of a unit (a VPC, an instance, a network interface: the unit's name is its id) on this host. */
export interface Condition {
  readonly unit: string;
  /** True: the kernel is as planned. False: it is not, `reason` and `message` say why. */
  readonly realised: boolean;
  /** Kind of fault, e.g. `unsupported`, `busy`, `blocked`. */
  readonly reason?: string;
  /** In words: what was tried and what the kernel answered. */
  readonly message?: string;
  /** ISO 8601: since when it has been so. */
  readonly since: string;
  /** Passes in a row that failed, and when the next is due. */
  readonly failures: number;
  readonly nextAttempt?: string;
}

/** Read side of the status; what the API shows beside the desired state. */
export interface StatusReader {
  /** `undefined`: no pass has looked at the unit yet. */
  condition(unit: string): Condition | undefined;
  /** Conditions that are not realised. */
  faults(): Condition[];
}
