import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { addressBytes, addressText } from '../../../agent/kernel/netlink/attributes.js';

describe('addresses in netlink messages as text', () => {
  it.each([
    '0.0.0.0',
    '10.0.1.255',
    '::',
    '::1',
    '1::',
    'fe80::ff:fe00:1',
    '2001:db8::1:0:0:1',
    '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1::1',
    '1:2:3:4:5:6:7:8',
    '::ffff:102:304',
  ])('%s', (text) => expect(addressText(addressBytes(text))).toBe(text));

  it('is the same as elsewhere in enid, for any address', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const bytes = groups.flatMap((value) => [value >> 8, value & 0xff]);
        expect(addressText(Buffer.from(bytes))).toBe(ipaddr.fromByteArray(bytes).toString());
      }),
      { numRuns: 2000 },
    );
  });

  it('is read from within a message', () => {
    expect(addressText(Buffer.from([9, 9, 10, 0, 1, 4, 9]), 2, 4)).toBe('10.0.1.4');
  });
});
