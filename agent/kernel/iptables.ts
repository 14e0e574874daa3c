import { fingerprint } from '../firewall/scan.js';
import { run } from './exec.js';
import type { Family } from './port.js';

/** The packet filter rules of a namespace, as a whole, through the tools of iptables (either flavour). */

const TOOL = { 4: 'iptables', 6: 'ip6tables' } as const;

/** How long a restore waits for another process that is changing rules (legacy flavour: one lock for the machine), seconds. */
const LOCK_WAIT_SECONDS = 5;
const RESTORE_TIMEOUT_MS = 20_000;
const SAVE_TIMEOUT_MS = 10_000;
const MAX_SAVE_OUTPUT = 64 * 1024 * 1024;

/**
 * Afterwards each table that `text` names holds what it says and nothing else. A table with a bad line is left as it was.
 * @throws {KernelError} unsupported when the kernel lacks a match or target, invalid when a line is not understood, not-found when
 * the namespace or a set does not exist.
 */
export async function restoreRuleset(netns: string, family: Family, text: string): Promise<void> {
  await run(`${TOOL[family]}-restore`, ['-w', String(LOCK_WAIT_SECONDS)], { netns, input: text, timeoutMs: RESTORE_TIMEOUT_MS });
}

/** All rules of the namespace as the save tool writes them. Only tables in use appear; reading makes none. */
export async function saveRuleset(netns: string, family: Family): Promise<string> {
  const { stdout } = await run(`${TOOL[family]}-save`, [], { netns, timeoutMs: SAVE_TIMEOUT_MS, maxOutput: MAX_SAVE_OUTPUT });
  return stdout;
}

/** What the namespace's rules are, in short; equal to the fingerprint of the text that was restored as long as nobody changed them. */
export async function readFingerprint(netns: string, family: Family): Promise<string> {
  return fingerprint(await saveRuleset(netns, family));
}
