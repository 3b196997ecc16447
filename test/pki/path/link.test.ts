import { describe, expect, it } from 'vitest';
import { linkCost, linkName, verifyLink } from '../../../src/pki/path/link.ts';
import { createSignatureMemory } from '../../../src/pki/x509/signature.ts';
import { authority } from '../../support/test-ca.ts';
import { parsed } from './path-cases.ts';

const root = authority({ cn: 'Root' });
const leaf = root.issueLeaf({ dns: ['good.test'] });
const stranger = parsed(authority({ cn: 'Root' }).der);

describe('verifyLink', () => {
  it('refuses another key, a changed signature, SHA-1 and small keys', () => {
    const memory = createSignatureMemory(10);
    expect(verifyLink(parsed(leaf.der), stranger, memory)).toBe('failed');
    const flipped = parsed(root.issueLeaf({ dns: ['good.test'], broken: 'flipped' }).der);
    expect(verifyLink(flipped, parsed(root.der), memory)).toBe('failed');
    const old = parsed(root.issueLeaf({ dns: ['good.test'], signature: 'sha1' }).der);
    expect(verifyLink(old, parsed(root.der), memory)).toBe('weak');
    const small = authority({ cn: 'Small', key: 'rsa1024' });
    expect(verifyLink(parsed(small.issueLeaf({ dns: ['good.test'] }).der), parsed(small.der), memory)).toBe('weak');
    expect(linkCost(parsed(small.der))).toBe(0);
  });

  it('remembers what verified under a name that changes with either certificate', () => {
    const memory = createSignatureMemory(10);
    const [child, issuer] = [parsed(leaf.der), parsed(root.der)];
    expect(memory.recall(linkName(child, issuer))).toBeUndefined();
    expect(verifyLink(child, issuer, memory)).toBe('verified');
    expect(memory.recall(linkName(child, issuer))).toBe(true);
    expect(verifyLink(child, issuer, memory)).toBe('verified');
    expect(linkName(child, stranger)).not.toBe(linkName(child, issuer));
    expect(linkCost(issuer)).toBe(1);
  });
});
