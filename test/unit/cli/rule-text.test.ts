import { describe, expect, it } from 'vitest';
import { parseRuleText, ruleKey } from '../../../agent/cli/lab/rule-text.js';

const cidr = (text: string) => ({ kind: 'cidr', cidr: text });

describe('parseRuleText', () => {
  it.each([
    ['tcp/5432 from web', [{ direction: 'ingress', protocol: 'tcp', fromPort: 5432, toPort: 5432, peer: { kind: 'name', name: 'web' } }]],
    ['udp/1000-2000 to 10.0.0.0/8', [{ direction: 'egress', protocol: 'udp', fromPort: 1000, toPort: 2000, peer: cidr('10.0.0.0/8') }]],
    [
      'tcp/80,443 from anywhere',
      [
        { direction: 'ingress', protocol: 'tcp', fromPort: 80, toPort: 80, peer: cidr('0.0.0.0/0') },
        { direction: 'ingress', protocol: 'tcp', fromPort: 443, toPort: 443, peer: cidr('0.0.0.0/0') },
      ],
    ],
    ['icmp from 10.0.0.0/16', [{ direction: 'ingress', protocol: 'icmp', fromPort: -1, toPort: -1, peer: cidr('10.0.0.0/16') }]],
    ['icmp/3:4 from 10.0.0.7', [{ direction: 'ingress', protocol: 'icmp', fromPort: 3, toPort: 4, peer: cidr('10.0.0.7/32') }]],
    [
      'icmpv6/128 from fd00::/56',
      [{ direction: 'ingress', protocol: 'icmpv6', fromPort: 128, toPort: -1, peer: { kind: 'cidr6', cidr: 'fd00::/56' } }],
    ],
    ['all from self', [{ direction: 'ingress', protocol: '-1', peer: { kind: 'self' } }]],
    ['tcp to anywhere-ipv6', [{ direction: 'egress', protocol: 'tcp', fromPort: 0, toPort: 65535, peer: { kind: 'cidr6', cidr: '::/0' } }]],
    ['47 from web', [{ direction: 'ingress', protocol: '47', peer: { kind: 'name', name: 'web' } }]],
    ['6 from web', [{ direction: 'ingress', protocol: 'tcp', fromPort: 0, toPort: 65535, peer: { kind: 'name', name: 'web' } }]],
  ])('%s', (text, rules) => expect(parseRuleText(text)).toEqual(rules));

  it.each([
    ['tcp/5432', 'is no rule'],
    ['tcp/5432 by web', 'is no rule'],
    ['tcp/70000 from web', 'is no port'],
    ['tcp/90-80 from web', 'is no port'],
    ['tcp/ from web', 'is no port'],
    ['gre/4 from web', "unknown protocol 'gre'"],
    ['all/80 from web', 'only tcp and udp have ports'],
    ['300 from web', 'at most 255'],
    ['icmp/256 from web', 'is no ICMP type'],
    ['tcp/80 from 10.0.0.1/16', 'write 10.0.0.0/16'],
    ['tcp/80 from 10.0.0.0/40', 'is no address range'],
    ['tcp/80 from fe80::1%eth0', 'is no address range'],
  ])('refuses %s: %s', (text, message) => expect(() => parseRuleText(text)).toThrow(message));

  it('refuses the wrong preposition for a direction', () => {
    expect(() => parseRuleText('tcp/80 to web', 'ingress')).toThrow("ingress rules are written with 'from'");
  });
});

describe('ruleKey', () => {
  const keyed = (text: string) => parseRuleText(text).map((rule) => ruleKey(rule, 'peer'));

  it.each([
    ['all ports, written or not', 'tcp from a', 'tcp/0-65535 from a', true],
    ['one port and another', 'tcp/80 from a', 'tcp/81 from a', false],
    ['a direction and the other', 'tcp/80 from a', 'tcp/80 to a', false],
    ['tcp and udp', 'tcp/80 from a', 'udp/80 from a', false],
    ['an ICMP type and all', 'icmp/8 from a', 'icmp from a', false],
  ])('%s', (_name, one, other, equal) => expect(keyed(one)[0] === keyed(other)[0]).toBe(equal));
});
