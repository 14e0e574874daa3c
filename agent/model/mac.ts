/** Whether a MAC may be an interface's: unicast and locally administered (IEEE 802, bits 0 and 1 of the first octet). */
export function isLocalUnicastMac(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 0b11) === 0b10;
}

/** 02:00:00:00:00:00 to :ff are the agent's own, the router's among them (`ROUTER_MAC`). */
export function isReservedMac(mac: string): boolean {
  return mac.startsWith('02:00:00:00:00:');
}

/** A locally administered unicast address, 02:… or 06:…, from eleven random hex digits. */
export function macFromHex(hex: string): string {
  const first = Number.parseInt(hex.slice(0, 1), 16) % 2 === 0 ? '02' : '06';
  return [first, ...(hex.slice(1, 11).match(/../g) ?? [])].join(':');
}
