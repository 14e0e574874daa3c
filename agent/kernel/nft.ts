import { nftChains, scanNft } from '../firewall/nft-table.js';
import { throwFirst, toKernelError } from './errors.js';
import { run } from './exec.js';
import { deletionOf, listFlows } from './netlink/conntrack.js';
import { changeElements, differInElements } from './netlink/nft-elements.js';
import { nftTables } from './netlink/nft-tables.js';
import type { NetlinkSocket } from './netlink/socket.js';
import type { ObjectSpecs } from './port.js';
import { guardedDevice, guardTable, HOST_NAMESPACE, isInstanceNamespace, NFT_TABLE, uplinkOfChain } from './resources.js';

/**
 * The nft tables of gateways, of instances' macvlan interfaces, of the host's uplink and of its devices that carry interfaces. Each change is one
 * transaction: by the tool of that name, or, where only elements of sets change, without it.
 */

const TIMEOUT_MS = 10_000;
const OUR_TABLE = `inet ${NFT_TABLE}`;
/** Others have tables there too. */
const isShared = (netns: string): boolean => netns === HOST_NAMESPACE || isInstanceNamespace(netns);
const clearTable = (table: string): string => `add table ${table}\ndelete table ${table}\n`;
/** Removes everything that is ours to remove: where others have tables too, one, whether or not it is there. */
const clear = (netns: string): string => (isShared(netns) ? clearTable(OUR_TABLE) : 'flush ruleset\n');

type Spec = ObjectSpecs['nft'];

/** What an object becomes from: known to the last element only when it is as enid made it. */
type From<T> = Partial<T> | undefined;

/**
 * Afterwards the namespace's nft rules are the table and nothing else; in the host's own and in instances, others' tables stay untouched. Packets always meet
 * one version or the other. What differs only in elements of sets gets these; what is not known, because somebody else has changed something, is made anew.
 */
export async function ensureNft(spec: Spec, from: From<Spec>, socket: () => NetlinkSocket): Promise<void> {
  const { netns, text, translations } = spec;
  const isPatched = patch(spec, from, socket);
  if (!isPatched) {
    // Of a table whose chains differ from one version to the next, none may be left.
    const isKnown = !isShared(netns) && from?.elements !== undefined;
    await load(netns, isKnown ? text : clear(netns) + text);
  }
  if (translations) cutFlows(socket(), isPatched ? from?.translations : undefined, translations);
}

/** Afterwards the namespace has no nft rules of ours. */
export async function removeNft(netns: string): Promise<void> {
  await load(netns, clear(netns));
}

/** Number of the device that each guard was made for: with that its hooks end. */
const guarded = new Map<string, number>();

/** Afterwards the device, whose number is `index`, is guarded by the table. */
export async function ensureGuard(
  spec: ObjectSpecs['parent'],
  from: From<ObjectSpecs['parent']>,
  index: number,
  socket: () => NetlinkSocket,
): Promise<void> {
  const { netns, device, text } = spec;
  if (guarded.get(device) === index && patch(spec, from, socket)) return;
  guarded.delete(device);
  await load(netns, clearTable(`netdev ${guardTable(device)}`) + text);
  guarded.set(device, index);
}

/** Changes elements alone, where that is all there is to do and the table is what it is thought to be. Returns whether it has. */
function patch({ elements }: Pick<Spec, 'elements'>, from: Pick<Spec, 'elements'> | undefined, socket: () => NetlinkSocket): boolean {
  const before = from?.elements;
  if (!elements || !differInElements(before, elements)) return false;
  try {
    changeElements(socket(), before, elements);
    return true;
  } catch {
    return false;
  }
}

/** Afterwards there is no guard of the device. */
export async function removeGuard({ netns, device }: Pick<ObjectSpecs['parent'], 'netns' | 'device'>): Promise<void> {
  await load(netns, clearTable(`netdev ${guardTable(device)}`));
}

/** Devices of the host that are guarded. */
export function guardedDevices(): string[] {
  return nftTables(HOST_NAMESPACE, 'netdev').flatMap((table) => guardedDevice(table) ?? []);
}

/** The same, with the fingerprints of their tables. A table that goes meanwhile is left out. */
export async function readGuards(): Promise<{ readonly device: string; readonly fingerprint: string }[]> {
  const found = [];
  for (const device of guardedDevices()) {
    const fingerprint = await readTable(HOST_NAMESPACE, 'netdev', guardTable(device));
    if (fingerprint !== undefined) found.push({ device, fingerprint });
  }
  return found;
}

/** Fingerprint of the table of ours in an instance; `undefined` when there is none. */
export async function readInstanceNft(netns: string): Promise<string | undefined> {
  return nftTables(netns, 'inet').includes(NFT_TABLE) ? readTable(netns, 'inet', NFT_TABLE) : undefined;
}

async function readTable(netns: string, family: 'inet' | 'netdev', table: string): Promise<string | undefined> {
  return scanNft(await listTable(netns, family, table));
}

/** What `nft -j list table` prints. @throws {KernelError} not-found when there is no such table. */
export async function listTable(netns: string, family: 'inet' | 'netdev', table: string): Promise<string> {
  return (await run('nft', ['-j', 'list', 'table', family, table], { netns, timeoutMs: TIMEOUT_MS })).stdout;
}

/** Fingerprint of all nft rules of the namespace; `undefined` when there are none. */
export async function readNft(netns: string): Promise<string | undefined> {
  const { stdout } = await run('nft', ['-j', 'list', 'ruleset'], { netns, timeoutMs: TIMEOUT_MS });
  return scanNft(stdout);
}

/** The table of ours in the host's own namespace and the device that it guards; `undefined` when there is none. */
export async function readHostNft(): Promise<{ readonly fingerprint: string; readonly uplink?: string } | undefined> {
  try {
    const stdout = await listTable(HOST_NAMESPACE, 'inet', NFT_TABLE);
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

type Translations = Readonly<Record<string, string>>;

/** So many that have ended are looked for one by one in the time of a list of all flows. */
const FEW = 50;

/** Ends flows whose translation is not the present one: a flow keeps the addresses that it began with. */
function cutFlows(socket: NetlinkSocket, before: Translations | undefined, now: Translations): void {
  const ended = before && Object.entries(before).filter(([outside, inside]) => now[outside] !== inside);
  if (!ended || ended.length > FEW || !cutFlowsOf(socket, ended)) cutOtherFlows(socket, now);
}

/** Returns whether the kernel can do it. */
function cutFlowsOf(socket: NetlinkSocket, pairs: readonly (readonly [outside: string, inside: string])[]): boolean {
  const requests = pairs.flatMap(([outside, inside]) => [
    deletionOf({ end: 'destination', address: outside }, { end: 'source', address: inside }),
    deletionOf({ end: 'source', address: inside }, { end: 'destination', address: outside }),
  ]);
  return socket.batch(requests).every((error) => error === null);
}

/** The same for all flows there are, whatever translated them. */
function cutOtherFlows(socket: NetlinkSocket, translations: Translations): void {
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
