import { describe, expect, it } from 'vitest';
import { type AddressPolicy, isAllowedAddress, isPublicAddress } from './guard.ts';

const closed: AddressPolicy = { privateAddresses: false };
const open: AddressPolicy = { privateAddresses: true };
const ORIGIN = 'https://llm.example';

describe('isPublicAddress', () => {
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.254',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.0.1',
    '192.168.255.255',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '100.100.100.200',
    '168.63.129.16',
    '::',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:7f00:0001',
    '::FFFF:10.1.2.3',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    '64:ff9b::10.0.0.1',
    '100::1',
    '2001::1',
    '2001:1ff::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fdff::1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'ff02::1',
  ])('refuses %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '126.255.255.255',
    '128.0.0.1',
    '172.15.255.255',
    '172.32.0.1',
    '192.0.1.1',
    '192.167.255.255',
    '192.169.0.1',
    '198.17.255.255',
    '198.20.0.1',
    '223.255.255.255',
    '::ffff:8.8.8.8',
    '2606:4700:4700::1111',
    '2a00:1450:4001::1',
    '2003::1',
  ])('lets %s through', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each(['', 'localhost', '1.2.3', '1.2.3.4.5', '256.1.1.1', 'no address'])(
    'takes "%s" for none',
    (text) => {
      expect(isPublicAddress(text)).toBe(false);
    },
  );

  it('refuses an IPv4 address in IPv4-compatible form too', () => {
    expect(isPublicAddress('::127.0.0.1')).toBe(false);
    expect(isPublicAddress('::169.254.169.254')).toBe(false);
  });
});

describe('isAllowedAddress', () => {
  it('lets private addresses through only where the policy names the origin', () => {
    const listed: AddressPolicy = { privateAddresses: ['http://10.0.0.5:11434'] };
    expect(isAllowedAddress('10.0.0.5', 'http://10.0.0.5:11434', closed)).toBe(false);
    expect(isAllowedAddress('10.0.0.5', 'http://10.0.0.5:11434', listed)).toBe(true);
    expect(isAllowedAddress('10.0.0.5', 'http://10.0.0.5:11435', listed)).toBe(false);
    expect(isAllowedAddress('10.0.0.5', ORIGIN, open)).toBe(true);
  });

  it.each([
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '168.63.129.16',
    'fd00:ec2::254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
  ])('refuses the metadata address %s whatever the policy says', (address) => {
    expect(isAllowedAddress(address, ORIGIN, open)).toBe(false);
    expect(isAllowedAddress(address, ORIGIN, { privateAddresses: [ORIGIN] })).toBe(false);
  });
});
