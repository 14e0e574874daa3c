// Runs inside an instance: sends datagrams to others all the time and says what arrives. Input: one JSON line
// `{"targets":[["10.0.1.5",7777],…],"listen":[7777,…]}`, later ones replace it. Output: `count port source destination` every
// now and then, `gap count port source destination` when some are missing in between.
const dgram = require('node:dgram');

const sockets = new Map();
const arrived = new Map();
let targets = [];

function listen(port) {
  if (sockets.has(port)) return;
  const socket = dgram.createSocket('udp4');
  const numbers = new Map();
  socket.on('message', (text, from) => {
    const [destination, number] = String(text).split(' ');
    const key = `${port} ${from.address} ${destination}`;
    arrived.set(key, (arrived.get(key) ?? 0) + 1);
    const expected = (numbers.get(key) ?? Number(number) - 1) + 1;
    if (Number(number) > expected) process.stdout.write(`gap ${Number(number) - expected} ${key}\n`);
    numbers.set(key, Number(number));
  });
  socket.on('error', () => {});
  socket.bind(port, '0.0.0.0');
  sockets.set(port, socket);
}

const sender = dgram.createSocket('udp4');
sender.on('error', () => {});
sender.bind(0);
// An address that nobody has now is an error of the socket, and no reason to stop.
let sent = 0;
const round = () => {
  sent++;
  for (const [address, port] of targets) sender.send(`${address} ${sent}`, port, address, () => {});
};
setInterval(round, 10);
setInterval(tell, 50);

function tell() {
  for (const [key, times] of arrived) process.stdout.write(`${times} ${key}\n`);
  arrived.clear();
}

let rest = '';
process.stdin.on('data', (chunk) => {
  rest += chunk;
  for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
    const order = JSON.parse(rest.slice(0, end));
    rest = rest.slice(end + 1);
    targets = order.targets;
    for (const port of order.listen) listen(port);
    tell();
    process.stdout.write('ready\n');
  }
});
process.stdin.on('end', () => process.exit(0));
