import { nftChains, scanNft } from '../firewall/nft-table.js';
import { throwFirst, toKernelError } from './errors.js';
import { run } from './exec.js';
import { listFlows } from './netlink/conntrack.js';
import type { NetlinkSocket } from './netlink/socket.js';
import type { ObjectSpecs } from './port.js';
import { HOST_NAMESPACE, NFT_TABLE, uplinkOfChain } from './resources.js';

/** The nft tables of gateways and of the host's uplink, by the tool of that name: each change is one transaction. */

const TIMEOUT_MS = 10_000;
const OUR_TABLE = `inet ${NFT_TABLE}`;
/** Removes everything that is ours to remove: in the host's own namespace one table, whether or not it is there. */
const clear = (netns: string): string =>
  netns === HOST_NAMESPACE ? `add table ${OUR_TABLE}\ndelete table ${OUR_TABLE}\n` : 'flush ruleset\n';

type Spec = ObjectSpecs['nft'];

/** What was last loaded, by namespace. */
const loaded = new Map<string, string>();

/**
 * Afterwards the namespace's nft rules are the table and nothing else; in the host's own, others' tables stay untouched. What is as it shall be stays, so that packets always meet
 * one version or the other. Only when the same is asked for again, because somebody else has changed something, everything is made anew.
 */
export async function ensureNft({ netns, text, fingerprint, translations }: Spec, socket: () => NetlinkSocket): Promise<void> {
  const isRepair = netns === HOST_NAMESPACE || loaded.get(netns) === fingerprint;
  loaded.delete(netns);
  await load(netns, isRepair ? clear(netns) + text : text);
  loaded.set(netns, fingerprint);
  if (translations) cutFlows(socket(), translations);
}

/** Afterwards the namespace has no nft rules of ours. */
export async function removeNft(netns: string): Promise<void> {
  loaded.delete(netns);
  await load(netns, clear(netns));
}

/** Fingerprint of all nft rules of the namespace; `undefined` when there are none. */
export async function readNft(netns: string): Promise<string | undefined> {
  const { stdout } = await run('nft', ['-j', 'list', 'ruleset'], { netns, timeoutMs: TIMEOUT_MS });
  return scanNft(stdout);
}

/** The table of ours in the host's own namespace and the device that it guards; `undefined` when there is none. */
export async function readHostNft(): Promise<{ readonly fingerprint: string; readonly uplink?: string } | undefined> {
  try {
    const { stdout } = await run('nft', ['-j', 'list', 'table', 'inet', NFT_TABLE], { netns: HOST_NAMESPACE, timeoutMs: TIMEOUT_MS });
    const fingerprint = scanNft(stdout);
    if (fingerprint === undefined) return undefined;
    const uplink = nftChains(stdout).map(uplinkOfChain).find(Boolean);
    return { fingerprint, ...(uplink !== undefined && { uplink }) };
  } catch (error) {
    const { kind } = toKernelError(error);
    if (kind === 'not-found' || kind === 'unsupported') return undefined;
    throw error;
  }
}

async function load(netns: string, text: string): Promise<void> {
  await run('nft', ['-f', '-'], { netns, input: text, timeoutMs: TIMEOUT_MS });
}

/** Ends flows whose translation is not the present one: a flow keeps the addresses that it began with. */
function cutFlows(socket: NetlinkSocket, translations: Readonly<Record<string, string>>): void {
  const publicOf = new Map(Object.entries(translations).map(([outside, inside]) => [inside, outside]));
  const stale = listFlows(socket).filter(({ original, reply }) => {
    const isInward = reply.source !== original.destination;
    const isOutward = reply.destination !== original.source;
    return (
      (isInward && translations[original.destination] !== reply.source) ||
      (isOutward && publicOf.get(original.source) !== reply.destination)
    );
  });
  if (stale.length === 0) return;
  const results = socket.batch(stale.map(({ deletion }) => deletion));
  // A flow may end by itself meanwhile.
  throwFirst(results.map((error) => (error?.errno === 'ENOENT' ? null : error)));
}
