/**
 * Writes the named CA pin groups from the public roots (the Mozilla set that Node carries). Run with the pinned Node
 * when it is upgraded, and read the diff; a test compares.
 *
 *   node config/groups/generate.ts
 */
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { parseCertificate } from '../../src/pki/x509/parse.ts';

interface Group {
  readonly name: string;
  readonly about: string;
  /** Whether a root belongs to the group, by organisation and by common name (or unit, where the common name says nothing). */
  readonly holds: (organisation: string, name: string) => boolean;
}

function ofOrganisations(...names: readonly string[]): Group['holds'] {
  return (organisation) => names.includes(organisation);
}

/** Operators and their roots; where a root changed hands the comment says so. */
const GROUPS: readonly Group[] = [
  { name: 'actalis', about: 'Actalis', holds: ofOrganisations('Actalis S.p.A./03358520967') },
  {
    name: 'amazon',
    about: 'Amazon Trust Services, with the Starfield Services root that it bought',
    holds: (organisation, name) => organisation === 'Amazon' || name.startsWith('Starfield Services Root'),
  },
  { name: 'buypass', about: 'Buypass', holds: ofOrganisations('Buypass AS-983163327') },
  {
    name: 'certum',
    about: 'Certum (Asseco)',
    holds: ofOrganisations('Asseco Data Systems S.A.', 'Unizeto Technologies S.A.'),
  },
  { name: 'd-trust', about: 'D-Trust', holds: ofOrganisations('D-Trust GmbH') },
  { name: 'digicert', about: 'DigiCert, without QuoVadis', holds: ofOrganisations('DigiCert Inc', 'DigiCert, Inc.') },
  {
    name: 'globalsign',
    about: 'GlobalSign, without the root R4 that Google bought',
    holds: (organisation, name) => organisation.startsWith('GlobalSign') && !name.endsWith(' R4'),
  },
  {
    name: 'godaddy',
    about: 'GoDaddy and Starfield',
    holds: (organisation, name) =>
      organisation === 'GoDaddy.com, Inc.' ||
      (organisation === 'Starfield Technologies, Inc.' && !name.startsWith('Starfield Services Root')),
  },
  {
    name: 'gts',
    about: 'Google Trust Services, with the GlobalSign root R4 that it bought',
    holds: (organisation, name) =>
      organisation === 'Google Trust Services LLC' || (organisation === 'GlobalSign' && name.endsWith(' R4')),
  },
  {
    name: 'harica',
    about: 'HARICA',
    holds: (organisation) => organisation.startsWith('Hellenic Academic and Research Institutions'),
  },
  { name: 'identrust', about: 'IdenTrust', holds: ofOrganisations('IdenTrust') },
  { name: 'letsencrypt', about: "Let's Encrypt (ISRG)", holds: ofOrganisations('Internet Security Research Group') },
  { name: 'microsoft', about: 'Microsoft', holds: ofOrganisations('Microsoft Corporation') },
  {
    name: 'sectigo',
    about: 'Sectigo, with USERTrust and COMODO',
    holds: ofOrganisations('Sectigo Limited', 'The USERTRUST Network', 'COMODO CA Limited'),
  },
  { name: 'ssl-com', about: 'SSL.com', holds: ofOrganisations('SSL Corporation') },
  {
    name: 'telekom',
    about: 'Deutsche Telekom Security',
    holds: ofOrganisations('Deutsche Telekom Security GmbH', 'T-Systems Enterprise Services GmbH'),
  },
];

interface Root {
  readonly organisation: string;
  readonly name: string;
  readonly pin: string;
}

function attribute(subject: string, key: string): string {
  const value = subject.split('\n').find((line) => line.startsWith(`${key}=`));
  return value?.slice(key.length + 1).replaceAll('\\,', ',') ?? '';
}

function readRoot(pem: string): Root {
  const { raw, subject } = new X509Certificate(pem);
  const parsed = parseCertificate(raw);
  if (!parsed.ok) throw new Error(`${subject}: ${parsed.why}`);
  const commonName = attribute(subject, 'CN');
  const organisation = attribute(subject, 'O');
  const name = commonName === organisation ? attribute(subject, 'OU') : commonName;
  return { organisation, name, pin: `sha256/${parsed.value.spkiSha256}` };
}

/** File name → text, for every group. */
export function groupFiles(): ReadonlyMap<string, string> {
  const roots = rootCertificates.map(readRoot);
  return new Map(
    GROUPS.map(({ name, about, holds }) => {
      const pins = roots
        .filter((root) => holds(root.organisation, root.name))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((root) => `      - { key: "${root.pin}", name: "${root.name}" }\n`);
      const head = `# @${name}: ${about}. Public roots as carried by the pinned Node; written by generate.ts.\n`;
      return [`${name}.yaml`, `${head}version: 1\npinGroups:\n  ${name}:\n    pins:\n${pins.join('')}`];
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of groupFiles()) writeFileSync(new URL(name, import.meta.url), text);
}
