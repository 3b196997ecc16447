import { expect, it } from 'vitest';
import { exhibitText, expectedName, expectedText, sessionText } from '../../src/cli/evidence-text.ts';
import { Der } from '../../src/model/der.ts';
import { exhibitOf } from '../../src/observe/exhibit.ts';
import { parsePem } from '../../src/pki/x509/pem.ts';
import { evidenceOf, reportOf } from '../support/entries.ts';
import { certificateOf, mismatchEntry, rogueLeaf } from '../support/unexpected.ts';

it('keys of a path that is not valid are not spelled out as pins', () => {
  const nearest = rogueLeaf().chain.map(certificateOf);
  const exhibit = exhibitOf(mismatchEntry({ report: reportOf({ path: null, explanatoryPath: nearest }) }))!;
  const text = exhibitText(exhibit, null);
  expect(text).toContain('no valid path; nearest');
  expect(text).toContain(`certificate ${nearest[0]?.der.sha256}`);
  expect(text).not.toContain(nearest[0]?.spkiSha256);
});

it('is a ticket and a PEM file at once', () => {
  const exhibit = exhibitOf(mismatchEntry({ evidence: evidenceOf({ chain: [Der.of(rogueLeaf().der)] }) }))!;
  const text = exhibitText(exhibit, ['/etc/pw/roots.pem']);
  const read = parsePem(text);
  expect(read.ok && read.value.map(({ subject }) => subject.text)).toEqual([
    'CN=api.bank.example',
    'CN=Other Trusted Issuing',
  ]);
  expect(text).toContain('verdict     block pin.mismatch: no key in the verified path');
  expect(text).toContain('Not presented, but on the path:');
  expect(text).toContain('--at 2026-03-01T00:00:00.000Z --anchors /etc/pw/roots.pem');
  expect(exhibitText({ ...exhibit, verdict: 'alert', sightings: [], findings: [] }, null)).toContain(
    'let through with an alert',
  );
});

it('names of keys and sessions', () => {
  const key = { scope: 'ca', pin: 'sha256/x', name: 'Root', group: 'cas', backup: true, expires: null };
  expect(expectedText(key)).toBe('ca   sha256/x  Root (cas, backup)');
  expect(expectedName({ ...key, name: null, group: null, backup: false })).toBe('');
  expect(sessionText({ tlsVersion: 'TLSv1.3', cipher: 'C', group: null, alpn: 'h2' })).toBe('TLS 1.3, C, h2');
  expect(sessionText({ tlsVersion: 'TLSv1', cipher: 'C', group: null, alpn: null })).toBe('TLS 1.0, C');
  expect(sessionText({ tlsVersion: '1.2', cipher: null, group: null, alpn: null })).toBe('TLS 1.2');
  expect(sessionText({ tlsVersion: null, cipher: null, group: null, alpn: null })).toBe('-');
});
