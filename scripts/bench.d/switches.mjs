// The four ways to switch a service from one instance to another. Each is one call of the API; both instances echo at the address.

/**
 * `nodes`: two of `{ instanceId, eni }`, `eni` the id of the primary interface. `floating`: an interface, already attached to the first
 * one as eth1. `secondary`: an address of it. `elastic`: allocation, `internet` its public address. `route`: table and destination.
 */
export function switches(call, { nodes, floating, secondary, elastic, route }) {
  const all = {
    interface: floating && {
      address: floating.address,
      to: (at) => call('POST', `/v1/network-interfaces/${floating.id}/move`, { instanceId: nodes[at].instanceId, deviceIndex: 1 }),
    },
    'secondary address': secondary && {
      address: secondary,
      to: (at) =>
        call('POST', `/v1/network-interfaces/${nodes[at].eni}/assign-private-ip-addresses`, {
          privateIpAddresses: [secondary],
          allowReassignment: true,
        }),
    },
    'elastic address': elastic && {
      address: elastic.publicIp,
      fromInternet: true,
      to: (at) => call('POST', `/v1/elastic-ips/${elastic.id}/associate`, { networkInterfaceId: nodes[at].eni, allowReassociation: true }),
    },
    route: route && {
      address: route.address,
      to: (at) =>
        call('PUT', `/v1/route-tables/${route.table}/routes`, {
          destination: `${route.address}/32`,
          networkInterfaceId: nodes[at].eni,
        }),
    },
  };
  return Object.fromEntries(Object.entries(all).filter(([, method]) => method));
}

/** A stream of one packet per ms, with something done in the middle of it; the longest silence and what was lost. */
export async function during(meter, address, work, ms = 400) {
  const { begun, answer } = meter.ask({ do: 'stream', address, port: 7000, ms });
  await begun;
  await new Promise((resolve) => setTimeout(resolve, ms * 0.4));
  await work();
  return answer;
}
