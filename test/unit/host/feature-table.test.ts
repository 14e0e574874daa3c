import { describe, expect, it } from 'vitest';
import { FEATURES, missingParts, TOOLS, trialText, versionIn } from '../../../agent/kernel/feature-table.js';

describe('versions in what tools print', () => {
  it.each([
    ['ip utility, iproute2-6.1.0, libbpf 1.1.2', '6.1.0'],
    ['ip utility, iproute2-ss200127', 'ss200127'],
    ['iptables v1.8.9 (nf_tables)', '1.8.9 (nf_tables)'],
    ['ip6tables v1.8.10 (legacy)', '1.8.10 (legacy)'],
    ['iptables v1.6.1', '1.6.1'],
    ['ipset v7.17, protocol version: 7', '7.17'],
    ['unshare from util-linux 2.38.1', '2.38.1'],
    ['Dnsmasq version 2.90  Copyright (c) 2000-2024 Simon Kelley', '2.90'],
    ['nftables v1.0.6 (Lester Gooch #5)', '1.0.6'],
    ['BusyBox multi-call binary', undefined],
    ['', undefined],
  ])('%s', (output, version) => expect(versionIn(output)).toBe(version));
});

describe('missing parts', () => {
  const all = Object.fromEntries(Object.keys(FEATURES).map((name) => [name, true]));
  const tools = Object.fromEntries(Object.keys(TOOLS).map((name) => [name, '1.0']));

  it('none', () => expect(missingParts({ features: all, tools })).toEqual([]));

  it('are named with what they disable, the needed ones first', () => {
    expect(missingParts({ features: { ...all, macvlan: false, veth: false }, tools: { ...tools, nft: null, iptables: null } })).toEqual([
      { feature: 'veth', needed: true, disables: FEATURES.veth.disables },
      { feature: 'nft (tool)', needed: true, disables: TOOLS.nft.disables },
      { feature: 'macvlan', needed: false, disables: FEATURES.macvlan.disables },
      { feature: 'iptables (tool)', needed: false, disables: TOOLS.iptables.disables },
    ]);
  });
});

it.each([
  [4, 'ip', 'ipv4_addr'],
  [6, 'ip6', 'ipv6_addr'],
] as const)('rules that try features of IPv%i out come with the sets they ask', (family, ip, address) => {
  const lines = trialText(family, ['set']).split('\n');
  expect(lines).toContain(`add set ${ip} probe pairs { type ${address} . ifname; }`);
  expect(lines.filter((line) => line.startsWith('add rule'))).toEqual([
    `add rule ${ip} probe early ${ip} saddr . iifname != @pairs drop`,
    `add rule ${ip} probe forward oifname @names drop`,
  ]);
});
