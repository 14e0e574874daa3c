// Echo servers for traffic tests, run inside an instance: node echo.cjs tcp:80 udp:53 … Prints `ready` when all are bound.
// TCP answers each connection with the caller's address and port, then echoes; UDP sends each datagram back.
const dgram = require('node:dgram');
const net = require('node:net');

let waiting = process.argv.length - 2;
const bound = () => --waiting === 0 && console.log('ready');
for (const spec of process.argv.slice(2)) {
  const [protocol, port] = spec.split(':');
  if (protocol === 'udp') {
    const socket = dgram.createSocket('udp6');
    socket.on('message', (message, from) => socket.send(message, from.port, from.address));
    socket.bind(Number(port), '::', bound);
  } else {
    const server = net.createServer((client) => {
      client.on('error', () => client.destroy());
      client.write(`${client.remoteAddress?.replace('::ffff:', '')} ${client.remotePort}\n`);
      client.pipe(client);
    });
    server.listen(Number(port), '::', bound);
  }
}
