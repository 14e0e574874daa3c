// Many instances at once.
import { msSince, now } from './support.mjs';

const PER_INSTANCE = 4;

/** Launches instances with so many interfaces in all, up to four each; what was made, and when it began and was answered. */
export async function bringUp(daemon, { interfaces, subnetId, groupId }) {
  const count = Math.ceil(interfaces / PER_INSTANCE);
  const start = now();
  const networkInterfaces = Array.from({ length: PER_INSTANCE }, (_, deviceIndex) => ({ deviceIndex, subnetId, groupIds: [groupId] }));
  const made = [];
  for (let i = 0; i < count; i += 50) {
    const body = { instanceType: 'c5.4xlarge', count: Math.min(50, count - i), networkInterfaces };
    made.push(...(await daemon.call('POST', '/v1/instances', body)).instances);
  }
  const answered = msSince(start);
  const members = made.flatMap((each) => each.networkInterfaces);
  const addresses = members.map((eni) => eni.privateIpAddresses[0].privateIpAddress);
  return { count, start, answered, members, addresses };
}
