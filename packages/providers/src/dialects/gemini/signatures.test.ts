import { describe, expect, it } from 'vitest';
import { createSignatures } from './signatures.ts';

describe('createSignatures', () => {
  it('gives back what was kept, to its owner alone', () => {
    const signatures = createSignatures();
    signatures.set('a', 'call', 'sealed');
    expect([signatures.get('a', 'call'), signatures.get('b', 'call'), signatures.get('a', 'x')]).toEqual([
      'sealed',
      null,
      null,
    ]);
  });

  it('forgets what was not used for longest', () => {
    const signatures = createSignatures(2);
    for (const id of ['1', '2']) signatures.set('a', id, id);
    signatures.get('a', '1');
    signatures.set('a', '3', '3');
    expect(['1', '2', '3'].map((id) => signatures.get('a', id))).toEqual(['1', null, '3']);
  });

  it('is bounded in size as well as in number', () => {
    const signatures = createSignatures(10, 5);
    signatures.set('a', '1', 'xxx');
    signatures.set('a', '2', 'xxx');
    signatures.set('a', '3', 'far too long');
    expect(['1', '2', '3'].map((id) => signatures.get('a', id))).toEqual([null, 'xxx', null]);
  });

  it('replaces, and counts what it replaced no more', () => {
    const signatures = createSignatures(10, 5);
    for (const text of ['xxxx', 'yyyy', 'zzzz']) signatures.set('a', '1', text);
    expect(signatures.get('a', '1')).toBe('zzzz');
  });
});
