import { isGatewayError } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { type AddressPolicy, checkBaseUrl } from './guard.ts';

const closed: AddressPolicy = { privateAddresses: false };
const open: AddressPolicy = { privateAddresses: true };

/** What a refusal says, or null where the URL was taken. */
function refusal(url: string, policy: AddressPolicy): string | null {
  try {
    checkBaseUrl(url, policy);
    return null;
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    expect(error.class).toBe('invalid_request');
    expect(error.details.param).toBe('base_url');
    return error.message;
  }
}

describe('checkBaseUrl', () => {
  it.each([
    ['https://llm.example/v1', 'https://llm.example/v1'],
    ['https://llm.example/v1///', 'https://llm.example/v1'],
    ['https://llm.example', 'https://llm.example'],
    ['https://LLM.Example:8443/v1/', 'https://llm.example:8443/v1'],
    ['https://8.8.8.8/v1', 'https://8.8.8.8/v1'],
  ])('takes %s', (given, expected) => {
    expect(checkBaseUrl(given, closed)).toBe(expected);
  });

  it.each([
    'https://127.0.0.1',
    'https://localhost',
    'https://LOCALHOST:8080',
    'https://a.localhost',
    'https://0.0.0.0',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://[::ffff:7f00:1]',
    'https://0x7f000001',
    'https://2130706433',
    'https://0177.0.0.1',
    'https://127.1',
    'https://169.254.169.254',
    'https://[fd00:ec2::254]',
    'https://10.1.2.3',
    'https://172.16.0.1',
    'https://192.168.1.1',
    'https://100.64.0.1',
    'https://metadata.google.internal',
    'https://metadata.google.internal.',
    'https://localhost.',
    'https://127.0.0.1.',
    'https://①②⑦.0.0.1',
    'https://[::]',
    'http://127.0.0.1:11434/v1',
    'http://localhost:11434/v1',
    'https://[64:ff9b::7f00:1]',
    'https://[fe80::1]',
  ])('refuses %s', (url) => {
    expect(refusal(url, closed)).toMatch(/^base_url: /);
  });

  it.each([
    ['no URL', 'llm.example', /http\(s\) URL/],
    ['an empty text', '', /http\(s\) URL/],
    ['a file', 'file:///etc/passwd', /http\(s\) URL/],
    ['another protocol', 'ftp://llm.example', /http\(s\) URL/],
    ['credentials', 'https://user:pass@llm.example', /credentials/],
    ['a user alone', 'https://user@llm.example', /credentials/],
    ['a query', 'https://llm.example/v1?key=1', /query/],
    ['an empty query', 'https://llm.example/v1?', /query/],
    ['a fragment', 'https://llm.example/v1#x', /fragment/],
    ['an empty fragment', 'https://llm.example/v1#', /fragment/],
    ['a dot at the end', 'https://llm.example./v1', /dot at its end/],
    ['plain http to the internet', 'http://llm.example/v1', /https is wanted/],
    ['plain http to a public address', 'http://8.8.8.8', /https is wanted/],
  ])('refuses %s and says why', (_, url, why) => {
    expect(refusal(url, closed)).toMatch(why);
  });

  it('does not repeat the credentials that it refuses', () => {
    expect(refusal('https://user:hunter22@llm.example', closed)).not.toContain('hunter22');
  });

  it('names the setting that would allow a private address', () => {
    expect(refusal('http://192.168.1.5:11434', closed)).toContain('selfHosted.privateAddresses');
  });

  it.each([
    'http://127.0.0.1:11434/v1',
    'http://localhost:11434',
    'http://10.0.0.5',
    'http://[::1]:8000',
    'http://[fc00::1]',
  ])('takes %s where private addresses are allowed', (url) => {
    expect(refusal(url, open)).toBeNull();
  });

  it('takes the listed origin and refuses its neighbours', () => {
    const listed: AddressPolicy = { privateAddresses: ['http://10.0.0.5:11434', 'http://localhost:8000'] };
    expect(refusal('http://10.0.0.5:11434/v1', listed)).toBeNull();
    expect(refusal('http://localhost:8000', listed)).toBeNull();
    expect(refusal('http://10.0.0.5:11435/v1', listed)).toContain('private');
    expect(refusal('https://10.0.0.5:11434/v1', listed)).toContain('private');
    expect(refusal('http://10.0.0.6:11434/v1', listed)).toContain('private');
    expect(refusal('http://localhost:8001', listed)).toContain('private');
  });

  it('sees through a listed origin that does not parse', () => {
    expect(refusal('http://10.0.0.5', { privateAddresses: ['not a url'] })).toContain('private');
  });

  it.each([
    'http://169.254.169.254',
    'http://[::ffff:169.254.169.254]',
    'http://[::ffff:a9fe:a9fe]',
    'http://2852039166',
    'http://0xa9fea9fe/latest',
    'https://metadata.google.internal',
    'https://METADATA.google.internal',
    'https://metadata.goog',
    'http://[fd00:ec2::254]',
    'http://100.100.100.200',
  ])('refuses cloud metadata at %s even where everything private is allowed', (url) => {
    expect(refusal(url, open)).toContain('never allowed');
  });

  it('keeps refusing dots at the end, credentials and queries where private addresses are allowed', () => {
    expect(refusal('http://localhost.', open)).toContain('dot');
    expect(refusal('http://a:b@localhost', open)).toContain('credentials');
    expect(refusal('http://localhost?x', open)).toContain('query');
  });
});
