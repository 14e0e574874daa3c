// A meter inside an instance, driven by lines of JSON on standard input, answering with lines on standard output.
// All times are CLOCK_MONOTONIC nanoseconds, so that they compare across processes.
//   {"do":"first","address":A,"port":P,"everyUs":U,"withinMs":W}  → {"at":ns,"sent":n}: when the first answer came
//   {"do":"stream","address":A,"port":P,"ms":N}                   → {"sent":n,"lost":n,"gapMs":x}: one packet per ms, longest silence
//   {"do":"echo","port":P}                                        → {"bound":true}: from then on sends every datagram back
import dgram from 'node:dgram';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { inThread } from './sockets.mjs';
import { echoAt, firstAnswer } from './udp.mjs';

const now = () => process.hrtime.bigint();
const ms = (ns) => Number(ns) / 1e6;

async function socket() {
  const it = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  await new Promise((resolve) => it.bind(0, resolve));
  // A destination that is not there yet answers with errors; the meter goes on.
  it.on('error', () => {});
  return it;
}

async function first({ address, port, everyUs = 100, withinMs = 5000 }) {
  console.log(JSON.stringify({ started: true }));
  const { at, sent } = firstAnswer({ address, port, everyUs, withinMs });
  return { at: at?.toString() ?? null, sent };
}

async function stream({ address, port, ms: count }) {
  const meter = await socket();
  const answeredAt = new Array(count);
  meter.on('message', (message) => {
    answeredAt[message.readUInt32LE(0)] ??= now();
  });
  console.log(JSON.stringify({ started: true }));
  const start = now();
  for (let i = 0; i < count; ) {
    if (now() >= start + BigInt(i) * 1_000_000n) {
      const packet = Buffer.alloc(16);
      packet.writeUInt32LE(i);
      meter.send(packet, port, address, () => {});
      i += 1;
    }
    await new Promise(setImmediate);
  }
  const settle = now() + 300_000_000n;
  while (now() < settle && answeredAt.includes(undefined)) await new Promise(setImmediate);
  meter.close();
  const times = answeredAt.filter((at) => at !== undefined).sort((a, b) => (a < b ? -1 : 1));
  let gap = 0n;
  for (let i = 1; i < times.length; i++) if (times[i] - times[i - 1] > gap) gap = times[i] - times[i - 1];
  return { sent: count, lost: count - times.length, gapMs: ms(gap) };
}

const echo = ({ port }) => inThread(import.meta.url, { port });

if (!isMainThread) {
  const serve = echoAt(workerData.port);
  parentPort.postMessage({ bound: true });
  serve();
}

const verbs = { first, stream, echo };
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  console.log(JSON.stringify({ done: await verbs[order.do](order) }));
}
