import { describe, expect, it } from 'vitest';
import { attribute, attributesOf, macBytes, macText, nested, text, textOf, u32 } from '../../../agent/kernel/netlink/attributes.js';

describe('netlink attributes', () => {
  const body = Buffer.concat([Buffer.from('head'), text(3, 'eth0'), u32(4, 0xffffffff), nested(18, text(1, 'veth'), u32(2, 7))]);

  it('are read as they were written, also nested ones', () => {
    const found = attributesOf(body, 4);
    expect(textOf(found.get(3) ?? Buffer.alloc(0))).toBe('eth0');
    expect(found.u32(4)).toBe(0xffffffff);
    expect([found.has(18), found.has(5), found.u32(5)]).toEqual([true, false, undefined]);
    expect(
      attributesOf(found.get(18) ?? Buffer.alloc(0))
        .get(2)
        ?.readUInt32LE(),
    ).toBe(7);
  });

  it('are padded to four bytes, their length is not', () => {
    const bytes = attribute(1, Buffer.from([1]));
    expect([bytes.length, bytes.readUInt16LE()]).toEqual([8, 5]);
  });

  it.each([0, 1, 2, 3])('a body that breaks off is read as far as it goes (%i bytes short)', (missing) => {
    expect(attributesOf(body.subarray(0, body.length - missing), 4).types()).toEqual(missing === 0 ? [3, 4, 18] : [3, 4]);
  });

  it('of a repeated type the last is read', () => {
    expect(attributesOf(Buffer.concat([u32(1, 5), u32(2, 6), u32(1, 7)])).u32(1)).toBe(7);
  });

  it('MACs survive', () => expect(macText(macBytes('02:aa:00:0b:00:ff'))).toBe('02:aa:00:0b:00:ff'));

  it('a length below the header ends the reading', () => {
    expect(attributesOf(Buffer.from([0, 0, 1, 0, 8, 0, 2, 0, 1, 0, 0, 0])).types()).toEqual([]);
  });
});
