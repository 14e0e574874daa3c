import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SAME_PREFIX_DEVICE_LIMIT, SOURCE_CHECK_BUCKETS, sourceCheckPlace } from '../../../agent/kernel/resources.js';
import { cidr, containsCidr } from '../../../agent/model/address.js';

describe('where dropped packets of a host end are counted', () => {
  const hostEnds = Array.from({ length: 5000 }, (_, n) => `e${createHash('sha256').update(`${n}`).digest('hex').slice(0, 14)}`);

  it('5,000 devices of a router fit: no range is in a bucket with more than the kernel takes', () => {
    const devices = new Map<string, number>();
    for (const { bucket, ranges } of hostEnds.map(sourceCheckPlace))
      for (const range of [...ranges[4], ...ranges[6]]) devices.set(`${bucket} ${range}`, (devices.get(`${bucket} ${range}`) ?? 0) + 1);
    expect(Math.max(...devices.values())).toBeLessThanOrEqual(SAME_PREFIX_DEVICE_LIMIT);
    expect(new Set(hostEnds.map((name) => sourceCheckPlace(name).bucket)).size).toBe(SOURCE_CHECK_BUCKETS);
  });

  it.each([
    [4, ['0.0.0.0/32', '127.255.255.255/32', '128.0.0.0/32', '255.255.255.255/32']],
    [6, ['::/128', '7fff::1/128', '8000::/128', 'ffff::/128']],
  ] as const)('every IPv%i address is in just one of its ranges', (family, addresses) => {
    for (const hostEnd of ['e00', 'e3f', 'e40', 'e7f', 'e80', 'ebf', 'ec0', 'eff'])
      for (const address of addresses)
        expect(sourceCheckPlace(hostEnd).ranges[family].filter((range) => containsCidr(cidr(range), cidr(address)))).toHaveLength(1);
  });
});
