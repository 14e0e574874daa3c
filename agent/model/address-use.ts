import { type Family, familyOf, toBigInt } from './address.js';
import { PersistentMap } from './persistent-map.js';

/** 256 neighbouring addresses: which are used, and how many. */
interface Block {
  readonly bits: Uint32Array;
  readonly count: number;
}

const BLOCK_BITS = 8n;
const BLOCK_SIZE = 256;

/**
 * Which addresses of each VPC interfaces hold, as a bitmap per 256 addresses. Immutable. Finding the lowest free address
 * looks at one block per 256 used addresses below it, and never at each address.
 */
export class AddressUse {
  private constructor(private readonly blocks: PersistentMap<Block>) {}

  static readonly empty = new AddressUse(PersistentMap.empty());

  with(vpcId: string, address: string, used: boolean): AddressUse {
    const value = toBigInt(address);
    const key = blockKey(vpcId, familyOf(address), value >> BLOCK_BITS);
    const offset = Number(value & 255n);
    const before = this.blocks.get(key) ?? { bits: new Uint32Array(BLOCK_SIZE / 32), count: 0 };
    if (isUsed(before, offset) === used) return this;
    const count = before.count + (used ? 1 : -1);
    if (count === 0) return new AddressUse(this.blocks.delete(key));
    const bits = before.bits.slice();
    bits[offset >> 5] = (bits[offset >> 5] ?? 0) ^ (1 << (offset & 31));
    return new AddressUse(this.blocks.set(key, { bits, count }));
  }

  /** Lowest unused address between two, both included; `undefined` when there is none. */
  firstFree(vpcId: string, family: Family, from: bigint, to: bigint): bigint | undefined {
    for (let block = from >> BLOCK_BITS; block <= to >> BLOCK_BITS; block++) {
      const use = this.blocks.get(blockKey(vpcId, family, block));
      if (use?.count === BLOCK_SIZE) continue;
      const base = block << BLOCK_BITS;
      const last = to - base < 255n ? Number(to - base) : 255;
      for (let offset = from > base ? Number(from - base) : 0; offset <= last; offset++)
        if (!use || !isUsed(use, offset)) return base + BigInt(offset);
    }
    return undefined;
  }

  /** How many addresses between two, both included, are used. The span must be an IPv4 one (at most 256 blocks for a /16). */
  countIpv4(vpcId: string, from: bigint, to: bigint): number {
    let count = 0;
    for (let block = from >> BLOCK_BITS; block <= to >> BLOCK_BITS; block++) {
      const use = this.blocks.get(blockKey(vpcId, 4, block));
      if (!use) continue;
      const base = block << BLOCK_BITS;
      if (from <= base && base + 255n <= to) count += use.count;
      else for (let offset = 0; offset < BLOCK_SIZE; offset++) if (inSpan(base + BigInt(offset), from, to) && isUsed(use, offset)) count++;
    }
    return count;
  }
}

function blockKey(vpcId: string, family: Family, block: bigint): string {
  return `${vpcId} ${family} ${block.toString(36)}`;
}

function isUsed(block: Block, offset: number): boolean {
  return (((block.bits[offset >> 5] ?? 0) >>> (offset & 31)) & 1) === 1;
}

function inSpan(value: bigint, from: bigint, to: bigint): boolean {
  return value >= from && value <= to;
}
