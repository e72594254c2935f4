import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { GatewayError } from '@inferbridge/core';

/** Which addresses that are not public a user's own base URL may have. */
export interface AddressPolicy {
  /** `false`: none; `true`: all but cloud metadata; a list: just these origins (`http://10.0.0.5:11434`). */
  readonly privateAddresses: boolean | readonly string[];
}

/*
 * Everything that is not global unicast.
 * Source: https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry (read 2026-11-20).
 */
const SPECIAL: readonly [address: string, prefix: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

/** Where clouds keep credentials for whoever asks from inside: refused whatever the operator allows. */
const METADATA = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd20:ce::254',
];
const METADATA_NAMES = ['metadata.google.internal', 'metadata', 'metadata.goog', 'instance-data'];

const family = (address: string) => (address.includes(':') ? 'ipv6' : 'ipv4');

const special = new BlockList();
for (const [address, prefix] of SPECIAL) special.addSubnet(address, prefix, family(address));
const metadata = new BlockList();
for (const address of METADATA) metadata.addAddress(address, family(address));

/** The IPv4 address inside an IPv4-mapped IPv6 one, which is what would be connected to. */
function unmapped(address: string): string {
  const bare = address.split('%')[0] ?? address;
  if (!bare.includes(':')) return bare;
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!groups) return canonical;
  const [high, low] = [Number.parseInt(groups[1] ?? '0', 16), Number.parseInt(groups[2] ?? '0', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** Is this an address of the open internet? */
export function isPublicAddress(address: string): boolean {
  if (isIP(address.split('%')[0] ?? '') === 0) return false;
  const plain = unmapped(address);
  return !special.check(plain, family(plain)) && !metadata.check(plain, family(plain));
}

const isMetadata = (address: string): boolean => metadata.check(unmapped(address), family(unmapped(address)));

/** May a connection go to this address, for a base URL of that origin? */
export function isAllowedAddress(address: string, origin: string, policy: AddressPolicy): boolean {
  if (isPublicAddress(address)) return true;
  return !isMetadata(address) && allowsPrivate(origin, policy);
}

function allowsPrivate(origin: string, { privateAddresses }: AddressPolicy): boolean {
  if (typeof privateAddresses === 'boolean') return privateAddresses;
  return privateAddresses.some((allowed) => URL.parse(allowed)?.origin === origin);
}

/** Is just this origin allowed, by name? */
const isListed = (origin: string, policy: AddressPolicy): boolean =>
  typeof policy.privateAddresses !== 'boolean' && allowsPrivate(origin, policy);

const SETTING = 'the operator can allow it by selfHosted.privateAddresses';

/**
 * Checks a base URL that a user gave, by its text alone; what its name resolves to is checked at every connect.
 * Returns it without a slash at its end; throws `invalid_request` with `param: "base_url"` and the reason.
 */
export function checkBaseUrl(text: string, policy: AddressPolicy): string {
  const refuse = (why: string) =>
    new GatewayError('invalid_request', `base_url: ${why}`, {
      param: 'base_url',
      code: 'validation_error',
    });
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw refuse('an http(s) URL is wanted');
  if (url.username !== '' || url.password !== '') throw refuse('credentials do not belong into it');
  if (url.search !== '' || text.includes('?')) throw refuse('a query does not belong into it');
  if (url.hash !== '' || text.includes('#')) throw refuse('a fragment does not belong into it');
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  if (host.endsWith('.')) throw refuse('a host name with a dot at its end is refused');
  if (METADATA_NAMES.includes(host)) throw refuse('this host is never allowed');
  const literal = isIP(host) !== 0;
  if (literal && isMetadata(host)) throw refuse('this address is never allowed');
  const local = literal ? !isPublicAddress(host) : host === 'localhost' || host.endsWith('.localhost');
  if (local && !allowsPrivate(url.origin, policy))
    throw refuse(`a private, local or reserved address is refused; ${SETTING}`);
  if (!local && url.protocol !== 'https:' && !isListed(url.origin, policy))
    throw refuse('https is wanted, except for local and private addresses');
  return url.href.replace(/\/+$/, '');
}

/** Resolves a name and gives out only addresses that are allowed, so that what was checked is what is connected to. */
export function guardedLookup(
  origin: string,
  policy: AddressPolicy,
  resolve: typeof dnsLookup = dnsLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(
      hostname,
      { ...options, all: true },
      (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => {
        if (error) return callback(error, '', 0);
        const bad = found.some(({ address }) => !isAllowedAddress(address, origin, policy));
        const first = found[0];
        if (bad || !first) return callback(refusedConnect(), '', 0);
        if (options.all) return callback(null, found);
        callback(null, first.address, first.family);
      },
    );
  };
}

/** The same for refused, filtered and closed: what an address answers is nobody's business. */
export const refusedConnect = (): Error =>
  Object.assign(new Error('the address is not allowed'), { code: 'EADDRNOTALLOWED' });
