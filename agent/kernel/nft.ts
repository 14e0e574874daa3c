import { scanNft } from '../firewall/nft-table.js';
import { throwFirst } from './errors.js';
import { run } from './exec.js';
import { listFlows } from './netlink/conntrack.js';
import type { NetlinkSocket } from './netlink/socket.js';
import type { ObjectSpecs } from './port.js';

/** The nft tables of gateways, by the tool of that name: each change is one transaction. */

const TIMEOUT_MS = 10_000;
const EVERYTHING = 'flush ruleset\n';

type Spec = ObjectSpecs['nft'];

/** What was last loaded, by namespace. */
const loaded = new Map<string, string>();

/**
 * Afterwards the namespace's nft rules are the table and nothing else. What is as it shall be stays, so that packets always meet
 * one version or the other. Only when the same is asked for again, because somebody else has changed something, everything is made anew.
 */
export async function ensureNft({ netns, text, fingerprint, translations }: Spec, socket: () => NetlinkSocket): Promise<void> {
  const isRepair = loaded.get(netns) === fingerprint;
  loaded.delete(netns);
  await load(netns, isRepair ? EVERYTHING + text : text);
  loaded.set(netns, fingerprint);
  if (translations) cutFlows(socket(), translations);
}

/** Afterwards the namespace has no nft rules. */
export async function removeNft(netns: string): Promise<void> {
  loaded.delete(netns);
  await load(netns, EVERYTHING);
}

/** Fingerprint of all nft rules of the namespace; `undefined` when there are none. */
export async function readNft(netns: string): Promise<string | undefined> {
  const { stdout } = await run('nft', ['-j', 'list', 'ruleset'], { netns, timeoutMs: TIMEOUT_MS });
  return scanNft(stdout);
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
