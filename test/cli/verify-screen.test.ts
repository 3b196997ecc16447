import { expect, it } from 'vitest';
import { createBench, judgeOffline } from '../../src/cli/offline.ts';
import { FLOOR_ONLY, ruleOfValue } from '../../src/cli/plain-rule.ts';
import { verifyScreen } from '../../src/cli/verify-screen.ts';
import { buildAnchorSet } from '../../src/pki/path/anchors.ts';
import { authority } from '../support/test-ca.ts';

const AT_MS = Date.parse('2026-06-15T12:00:00Z');

it('shows the nearest path and escapes what a certificate says', () => {
  const rogue = authority({ cn: 'Rogue\u001b[31m', at: AT_MS });
  const leaf = rogue.issueLeaf({ cn: 'x', dns: ['bad\u0007.test'] });
  const rule = ruleOfValue(FLOOR_ONLY, 'test', new Map());
  if (!rule.ok) throw new Error('rule');
  const one = {
    authority: { host: 'good.test', kind: 'name', port: 443 },
    chain: [leaf.der, rogue.der],
    anchors: null,
    malformedAnchors: 0,
    anchorsArePublic: false,
    atMs: AT_MS,
    staple: null,
    crls: [],
    logList: null,
    rule: rule.value,
  } as const;
  const text = verifyScreen(one, judgeOffline(one, createBench(buildAnchorSet('public', []))));
  expect(text).toContain('path      none that is valid and ends in an anchor\nnearest\n  0  CN=x\n');
  expect(text).toContain('known: presented');
  expect(text).toContain('verdict   block  identity.mismatch');
  expect(text.replaceAll('\n', '')).toMatch(/^[^\p{C}]*$/u);
});
