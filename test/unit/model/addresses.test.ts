import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROUTER_MAC } from '../../../agent/kernel/resources.js';
import {
  cidr,
  cidrSize,
  contains,
  containsCidr,
  familyOf,
  fromBigInt,
  hostCidr,
  nthAddress,
  overlaps,
  parseAddress,
  parseCidr,
  toBigInt,
} from '../../../agent/model/address.js';
import { AddressUse } from '../../../agent/model/address-use.js';
import { isLocalUnicastMac, isReservedMac, macFromHex } from '../../../agent/model/mac.js';
import { gatewayAddress, isReservedAddress, usableAddressCount } from '../../../agent/model/subnet.js';

describe('addresses', () => {
  it.each([
    ['10.0.0.1', { family: 4, text: '10.0.0.1' }],
    ['FD00:0:0::0A', { family: 6, text: 'fd00::a' }],
    ['::ffff:10.0.0.1', { family: 6, text: expect.any(String) }],
    ['10.0.0.01', undefined],
    ['10.0.0', undefined],
    ['10.0.0.256', undefined],
    ['0x0a.0.0.1', undefined],
    ['167772161', undefined],
    ['fe80::1%eth0', undefined],
    ['fd00:::1', undefined],
    ['', undefined],
    [' 10.0.0.1', undefined],
    ['10.0.0.1\n', undefined],
  ])('parse %j', (text, expected) => expect(parseAddress(text)).toEqual(expected));

  it.each([
    ['10.0.0.0/16', '10.0.0.0/16', true],
    ['10.0.0.1/16', '10.0.0.0/16', false],
    ['0.0.0.0/0', '0.0.0.0/0', true],
    ['FD00:0::/8', 'fd00::/8', true],
    ['fd00::1/64', 'fd00::/64', false],
    ['10.0.0.0/33', undefined, undefined],
    ['10.0.0.0/', undefined, undefined],
    ['10.0.0.0/08', undefined, undefined],
    ['10.0.0.0/-1', undefined, undefined],
    ['10.0.0.0/8 ', undefined, undefined],
    ['10.0.0.0', undefined, undefined],
    ['/8', undefined, undefined],
    ['fd00::/129', undefined, undefined],
  ])('parse range %j', (text, canonical, isCanonical) => {
    const range = parseCidr(text);
    expect([range?.text, range?.canonical]).toEqual([canonical, isCanonical]);
  });

  it('go to numbers and back', () => {
    fc.assert(fc.property(fc.bigInt(0n, 2n ** 32n - 1n), (n) => toBigInt(fromBigInt(4, n)) === n));
    fc.assert(fc.property(fc.bigInt(0n, 2n ** 128n - 1n), (n) => toBigInt(fromBigInt(6, n)) === n));
  });

  it('and ranges relate as sets do', () => {
    const range = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 20, max: 32 }))
      .map(([third, length]) => cidr(`10.0.${third}.0/${length}`));
    fc.assert(
      fc.property(range, range, fc.nat(65535), (a, b, n) => {
        const address = nthAddress(cidr('10.0.0.0/16'), n);
        if (containsCidr(a, b)) expect(!contains(b, address) || contains(a, address)).toBe(true);
        if (contains(a, address) && contains(b, address)) expect(overlaps(a, b)).toBe(true);
        expect(overlaps(a, b)).toBe(containsCidr(a, b) || containsCidr(b, a));
      }),
    );
    expect(contains(cidr('0.0.0.0/0'), 'fd00::1')).toBe(false);
    expect(overlaps(cidr('::/0'), cidr('0.0.0.0/0'))).toBe(false);
    expect([hostCidr('10.0.0.1'), hostCidr('fd00::1'), familyOf('fd00::1')]).toEqual(['10.0.0.1/32', 'fd00::1/128', 6]);
    expect(cidrSize(cidr('10.0.0.0/28'))).toBe(16n);
  });
});

describe('subnet', () => {
  it.each([
    ['10.0.1.0/24', [0, 1, 2, 3, 255], [4, 254]],
    ['10.0.1.16/28', [0, 1, 2, 3, 15], [4, 14]],
    ['fd00:1::/64', [0, 1, 2, 3], [4, 5, 255]],
  ])('%s keeps the first four and the last address', (range, reserved, free) => {
    for (const offset of reserved) expect(isReservedAddress(range, nthAddress(cidr(range), offset))).toBe(true);
    for (const offset of free) expect(isReservedAddress(range, nthAddress(cidr(range), offset))).toBe(false);
  });

  it('has its router at base plus one and five addresses less than its size', () => {
    expect([gatewayAddress('10.0.1.0/24'), gatewayAddress('fd00:1::/64')]).toEqual(['10.0.1.1', 'fd00:1::1']);
    expect([usableAddressCount('10.0.0.0/16'), usableAddressCount('10.0.0.0/28')]).toEqual([65531, 11]);
  });
});

describe('address use', () => {
  it('finds the lowest free address and counts the used ones, as a set would', () => {
    const base = toBigInt('10.0.0.0');
    const offset = fc.nat(900);
    fc.assert(
      fc.property(fc.array(fc.tuple(offset, fc.boolean()), { maxLength: 400 }), offset, offset, (ops, x, y) => {
        let use = AddressUse.empty;
        const model = new Set<number>();
        for (const [n, used] of ops) {
          use = use.with('vpc-1', fromBigInt(4, base + BigInt(n)), used);
          if (used) model.add(n);
          else model.delete(n);
        }
        const [from, to] = [Math.min(x, y), Math.max(x, y)];
        let lowest: number | undefined = from;
        while (lowest !== undefined && model.has(lowest)) lowest = lowest < to ? lowest + 1 : undefined;
        const free = use.firstFree('vpc-1', 4, base + BigInt(from), base + BigInt(to));
        expect(free === undefined ? undefined : Number(free - base)).toBe(lowest);
        expect(use.countIpv4('vpc-1', base + BigInt(from), base + BigInt(to))).toBe([...model].filter((n) => n >= from && n <= to).length);
      }),
    );
  });

  it('passes over full blocks, and keeps VPCs and families apart', () => {
    let use = AddressUse.empty;
    for (let i = 0n; i < 1000n; i++)
      use = use.with('vpc-1', fromBigInt(4, toBigInt('10.0.0.0') + i), true).with('vpc-1', fromBigInt(6, toBigInt('fd00::') + i), true);
    const free = (vpc: string, family: 4 | 6, from: string, to: string) => use.firstFree(vpc, family, toBigInt(from), toBigInt(to));
    expect(free('vpc-1', 4, '10.0.0.0', '10.0.255.255')).toBe(toBigInt('10.0.3.232'));
    expect(free('vpc-1', 4, '10.0.0.0', '10.0.3.231')).toBeUndefined();
    expect(free('vpc-2', 4, '10.0.0.9', '10.0.255.255')).toBe(toBigInt('10.0.0.9'));
    expect(free('vpc-1', 6, 'fd00::', 'fd00::ffff:ffff:ffff:ffff')).toBe(toBigInt('fd00::3e8'));
  });
});

describe('MACs', () => {
  it('generated ones begin with 02 or 06, and their digits are the random ones', () => {
    fc.assert(fc.property(fc.stringMatching(/^[0-9a-f]{11}$/), (hex) => /^0[26](:[0-9a-f]{2}){5}$/.test(macFromHex(hex))));
    expect([macFromHex('0123456789a'), macFromHex('1123456789a')]).toEqual(['02:12:34:56:78:9a', '06:12:34:56:78:9a']);
  });

  it.each([
    ['02:00:00:00:01:00', true],
    ['06:ff:ff:ff:ff:ff', true],
    ['0e:00:00:00:00:00', true],
    ['03:00:00:00:00:00', false],
    ['00:1b:21:00:00:00', false],
    ['ff:ff:ff:ff:ff:ff', false],
  ])('%s is local and unicast: %s', (mac, expected) => expect(isLocalUnicastMac(mac)).toBe(expected));

  it("the router's is reserved", () => {
    expect(isReservedMac(ROUTER_MAC)).toBe(true);
    expect(isReservedMac('02:00:00:00:01:00')).toBe(false);
  });
});
