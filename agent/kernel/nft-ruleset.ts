import { chainsFingerprint } from '../firewall/render.js';
import { toKernelError } from './errors.js';
import { run } from './exec.js';
import { FAMILY_NUMBER } from './netlink/nft-message.js';
import { deleteTables, type ListedTable, listChains, listTables } from './netlink/nft-tables.js';
import type { NetlinkSocket } from './netlink/socket.js';
import type { Family } from './port.js';
import { NFT_TABLE } from './resources.js';

/** The packet filter of a router: the chains and rules of a table per address family, loaded by the tool `nft`. The table's sets are objects of their own. */

const TIMEOUT_MS = 20_000;
/** What it can mean that a chain is there as another. */
const REFUSALS: ReadonlySet<string> = new Set(['exists', 'busy', 'invalid', 'unsupported', 'other']);
const NAME = { 4: 'ip', 6: 'ip6' } as const;

/**
 * Afterwards the family's table has the chains and rules that `text` says and no others, by one transaction, and nothing else filters in the namespace.
 * @throws {KernelError} with what the tool says, e.g. that a set is missing; then all is as it was.
 */
export async function loadRuleset(netns: string, family: Family, text: string, socket: () => NetlinkSocket): Promise<void> {
  const table = `${NAME[family]} ${NFT_TABLE}`;
  const present = chainsOf(socket(), family);
  const remove = (chains: readonly string[]) => chains.map((chain) => `delete chain ${table} ${chain}\n`).join('');
  const load = (input: string) => run('nft', ['-f', '-'], { netns, input, timeoutMs: TIMEOUT_MS });
  const stale = present.filter((chain) => !text.includes(`add chain ${table} ${chain} `));
  try {
    await load(text + remove(stale));
  } catch (error) {
    // The tool may be missing or hang: then it need not be asked again.
    if (present.length === 0 || !REFUSALS.has(toKernelError(error).kind)) throw error;
    // Somebody made a chain of that name as another: none is kept.
    await load(`flush table ${table}\n${remove(present)}${text}`).catch(() => {
      throw error;
    });
  }
  deleteTables(socket(), foreignTables(socket()));
}

/** Afterwards the family has no rules in the namespace. */
export function removeRuleset(family: Family, socket: NetlinkSocket): void {
  const ours = listTables(socket).filter(({ family: number }) => number === FAMILY_NUMBER[NAME[family]]);
  deleteTables(socket, ours);
}

/** Fingerprint of the family's rules in a router's namespace, see `render.ts`. */
export function readRuleset(family: Family, socket: NetlinkSocket): string {
  const strangers = foreignTables(socket).map(({ name }) => ({ name, hook: 'foreign', comments: [] }));
  return chainsFingerprint([...listChains(socket, NAME[family], NFT_TABLE), ...strangers]);
}

function chainsOf(socket: NetlinkSocket, family: Family): string[] {
  return listChains(socket, NAME[family], NFT_TABLE).map(({ name }) => name);
}

/** Nobody else has business in a router. */
function foreignTables(socket: NetlinkSocket): ListedTable[] {
  const ours = new Set<number>(Object.values(NAME).map((name) => FAMILY_NUMBER[name]));
  return listTables(socket).filter(({ family, name }) => name !== NFT_TABLE || !ours.has(family));
}
