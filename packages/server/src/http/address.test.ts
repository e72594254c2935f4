import { describe, expect, it } from 'vitest';
import { createAddressOf } from './address.ts';

const from = (peer: string, forwarded: string | undefined, trusted = ['10.0.0.0/8', '::1', 'fd00::/8']) =>
  createAddressOf(trusted)({
    socket: { remoteAddress: peer },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  } as never); // all that is looked at

describe('a client’s address', () => {
  it.each([
    ['203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '203.0.113.5', '203.0.113.5'],
    ['::ffff:10.0.0.1', '203.0.113.5', '203.0.113.5'],
    ['10.0.0.1', '9.9.9.9, 203.0.113.5, 10.0.0.2', '203.0.113.5'],
    ['10.0.0.1', '9.9.9.9, 203.0.113.5:1234', '203.0.113.5'],
    ['10.0.0.1', '8.8.8.8, [2001:db8::1]:99', '2001:db8::1'],
    ['10.0.0.1', '8.8.8.8, unknown', '10.0.0.1'],
    ['10.0.0.1', '8.8.8.8, unknown, 10.0.0.7', '10.0.0.7'],
    ['::1', '2001:db8::7', '2001:db8::7'],
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['10.0.0.1', '', '10.0.0.1'],
  ])('of %s with %j is %s', (peer, forwarded, address) => {
    expect(from(peer, forwarded)).toBe(address);
  });

  it('is the connection’s where nobody is trusted', () => {
    expect(from('203.0.113.9', '8.8.8.8', [])).toBe('203.0.113.9');
  });

  it('takes no junk for a network', () => {
    expect(() => createAddressOf(['proxy.local'])).toThrow('"proxy.local" is no address or network');
  });
});
