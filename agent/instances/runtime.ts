/**
 * What runs inside an instance: its user data, and whatever that started. The processes outlive the daemon;
 * a restarted daemon finds them again.
 */
export interface InstanceRuntime {
  /**
   * Afterwards the user data of this boot has been started, once: in the instance's network namespace, under a PID namespace
   * of its own, with its own `/etc/hosts` and `/etc/resolv.conf`. Does nothing when this boot's has already been started.
   * A boot ends with the namespace: one that was lost and made anew counts as rebooted.
   */
  start(boot: InstanceBoot): Promise<void>;
  /**
   * Afterwards no process is left in the instance's network namespace or PID namespace (but for somebody else's namespace), and `/etc/netns/<id>`
   * is gone.
   */
  end(instanceId: string): Promise<void>;
  /** Afterwards nothing of the instance is left on disk either (console output included). */
  forget(instanceId: string): Promise<void>;
  /** Last part of what the user data wrote, newest boot; empty when there is none. At most 64 KiB, as the cloud keeps. */
  consoleOutput(instanceId: string): Promise<{ readonly output: string; readonly timestamp: string } | undefined>;
  /** PID, in the host's view, of the first process of the instance's PID namespace; `undefined` when none runs. */
  initPid(instanceId: string): number | undefined;
}

export interface InstanceBoot {
  readonly instanceId: string;
  readonly bootSerial: number;
  readonly userData?: string;
  /** Its namespace is somebody else's: it gets its files for `ip netns exec`, and nothing is run or ended in it. */
  readonly foreign?: boolean;
  /** First label of the host name, e.g. `ip-10-0-1-10`. */
  readonly hostname: string;
  /** Content of the instance's `/etc/hosts` and `/etc/resolv.conf`. */
  readonly hosts: string;
  readonly resolvConf: string;
}
