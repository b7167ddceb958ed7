// A TCP proxy before some servers, by turns, that cuts connections in the midst of what the server says.
import { once } from 'node:events';
import net from 'node:net';

/** `patience()`: after how many bytes from the server a connection is cut; Infinity: never. */
export async function openProxy(addresses, patience, onCut) {
  let turn = 0;
  const proxy = net.createServer((client) => {
    const { hostname: host, port } = new URL(addresses[turn++ % addresses.length]);
    const server = net.connect({ host, port });
    const cut = () => {
      client.destroy();
      server.destroy();
    };
    let left = patience();
    client.pipe(server);
    server.on('data', (bytes) => {
      client.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left > 0 || client.destroyed) return;
      onCut();
      client.end(cut); // what was let through is still heard
      server.destroy();
    });
    for (const socket of [client, server]) socket.on('close', cut).on('error', cut);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return `ws://127.0.0.1:${proxy.address().port}`;
}
