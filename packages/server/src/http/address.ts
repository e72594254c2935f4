import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Whose request it is, by address: of the connection, or what a proxy that is trusted says of it. */
export type AddressOf = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => string;

/**
 * `trusted`: addresses and networks (`10.0.0.0/8`). From the right end of `X-Forwarded-For` the first that is no trusted
 * proxy; whatever stands left of it the client may have written itself. Throws a `TypeError` for what is no network.
 */
export function createAddressOf(trusted: readonly string[]): AddressOf {
  const list = new BlockList();
  for (const network of trusted) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) throw new TypeError(`"${network}" is no address or network`);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return ({ socket, headers }) => {
    const peer = plain(socket.remoteAddress ?? '');
    if (trusted.length === 0 || !isTrusted(peer)) return peer;
    let last = peer;
    for (const entry of String(headers['x-forwarded-for'] ?? '')
      .split(',')
      .reverse()) {
      const address = plain(unported(entry.trim()));
      if (isIP(address) === 0) return last; // whoever wrote this, nothing left of it can be believed
      if (!isTrusted(address)) return address;
      last = address;
    }
    return last;
  };
}

/** `203.0.113.5:1234` and `[2001:db8::1]:99` as some proxies write them. */
const unported = (entry: string): string =>
  /^\[([^\]]+)\](?::\d+)?$/.exec(entry)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(entry)?.[1] ?? entry;

/** An IPv4 address as itself, also where it comes in IPv6's clothes. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');
