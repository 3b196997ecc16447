/**
 * Freezes the public anchors (the Mozilla set that Node carries) into public.json, so that an upgrade of Node never
 * changes in silence whom the proxy trusts. Run with the pinned Node when it is upgraded, and read the diff:
 *
 *   node config/anchors/freeze.ts 2026-11-23
 */
import { createHash, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

const date = process.argv[2];
if (date === undefined || !/^\d{4}-\d\d-\d\d$/.test(date)) throw new Error('give the date of today as YYYY-MM-DD');

const certificates = rootCertificates
  .map((pem) => new X509Certificate(pem))
  .map((certificate) => ({
    subject: certificate.subject.replaceAll('\n', ', '),
    sha256: createHash('sha256').update(certificate.raw).digest('hex'),
    distrustAfter: null,
    der: certificate.raw.toString('base64'),
  }))
  .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));

const frozen = {
  name: 'public',
  source: `Mozilla root program, as carried by Node ${process.versions.node} (OpenSSL ${process.versions.openssl})`,
  date,
  // Over the digests in their order, each followed by a newline.
  sha256: createHash('sha256')
    .update(certificates.map(({ sha256 }) => `${sha256}\n`).join(''))
    .digest('hex'),
  certificates,
};
writeFileSync(new URL('public.json', import.meta.url), `${JSON.stringify(frozen, null, 2)}\n`);
