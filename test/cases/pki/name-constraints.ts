/**
 * Expectations over BoringSSL's name_constraints vectors: which constraint file lets which name pass. Files are named
 * without `.pem`; `critical` and not give the same answer unless a row says otherwise.
 */

/** Constraint files that are no NameConstraints. */
export const MALFORMED: readonly string[] = [
  'dnsname-with_max',
  'dnsname-with_min_0',
  'dnsname-with_min_0_and_max',
  'dnsname-with_min_1',
  'dnsname-with_min_1_and_max',
  'invalid-empty_excluded_subtree',
  'invalid-empty_permitted_subtree',
  'invalid-no_subtrees',
  'ipaddress-invalid_addr',
  'ipaddress-invalid_mask_not_contiguous_1',
  'ipaddress-invalid_mask_not_contiguous_2',
  'ipaddress-invalid_mask_not_contiguous_3',
  'ipaddress-invalid_mask_not_contiguous_4',
];

/** Constraint file, dNSNames that pass, dNSNames that do not. */
export const DNS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  [
    'dnsname',
    [
      'permitted.example.com',
      'permitted.example.com.',
      'PERMITTED.Example.com',
      'a.permitted.example.com',
      'alsopermitted.example.com',
      '*.foo.permitted.example.com',
      '*.alsopermitted.example.com',
      'permitted.example3.com',
      'permitted.example3.com.',
      'a.permitted.example3.com',
      'a.permitted.example3.com.',
    ],
    [
      'apermitted.example.com',
      'apermitted.example.com.',
      'excluded.permitted.example.com',
      'a.excluded.permitted.example.com',
      'stillnotpermitted.excluded.permitted.example.com',
      'a.stillnotpermitted.excluded.permitted.example.com',
      'extraneousexclusion.example.com',
      'a.extraneousexclusion.example.com',
      'other.example.com',
      'other.com',
      '*.permitted.example.com',
      // These three are no names that a tree could be compared with.
      '*xcluded.permitted.example.com',
      'exclude*.permitted.example.com',
      'excl*ded.permitted.example.com',
      '*.excluded.permitted.example.com',
      '*.example2.com',
      '*.',
      '*.*',
      '.*',
      '*',
    ],
  ],
  [
    'dnsname2',
    ['com', 'bar.com', 'baz.bar.com', '*.baz.bar.com', '*.com'],
    ['foo.bar.com', 'baz.foo.bar.com', '*.bar.com', '*.foo.bar.com'],
  ],
  // BoringSSL reads the leading period as "below"; RFC 5280 §4.2.1.10 has it for URIs only.
  ['dnsname-permitted_with_leading_dot', [], ['foo.bar.com', '*.bar.com', 'com', 'bar.com', 'foobar.com']],
  ['dnsname-excluded_with_leading_dot', ['com', 'bar.com', 'foobar.com'], ['foo.bar.com', '*.bar.com']],
  ['dnsname-permitted_two_dot', [], ['com', 'com.', 'foo.com', '*.com']],
  [
    'dnsname-excluded',
    ['foo.com', 'permitted.example.com'],
    ['', 'excluded.permitted.example.com', 'a.excluded.permitted.example.com'],
  ],
  ['dnsname-excludeall', [], ['', 'foo.com', 'permitted.example.com', 'foo.permitted.example.com']],
  ['dnsname-exclude_dot', ['permitted.example.com', 'foo.permitted.example.com'], ['foo.com']],
];

/** Constraint file, addresses that pass, addresses that do not. */
export const IP: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  [
    'ipaddress',
    [
      '192.168.0.1',
      '192.167.5.32',
      '192.167.5.63',
      '102:304:506:708:90a:b0c:0:1',
      '102:304:506:708:90a:b0b:520:0',
      '102:304:506:708:90a:b0b:53f:ffff',
    ],
    [
      '192.169.0.1',
      '192.168.5.1',
      '192.168.5.33',
      '192.167.5.31',
      '192.167.5.64',
      '192.166.5.32',
      '102:304:506:708:90a:b0d:0:1',
      '102:304:506:708:90a:b0c:500:1',
      '102:304:506:708:90a:b0c:521:1',
      '102:304:506:708:90a:b0b:51f:ffff',
      '102:304:506:708:90a:b0b:540:0',
      '102:304:506:708:90a:b0a:521:1',
    ],
  ],
  ['ipaddress-excluded', ['192.168.0.1', '102:304:506:708:90a:b0d:0:1'], ['192.168.5.1']],
  ['ipaddress-excludeall', [], ['192.168.0.1', '1.1.1.1', '201:101:101:101:101:101:101:101']],
  [
    'ipaddress-permit_singlehost',
    ['192.168.1.3'],
    ['0.0.0.0', '192.168.1.1', '192.168.1.2', '192.168.1.4', '255.255.255.255'],
  ],
  ['ipaddress-permit_prefix31', ['192.168.1.2', '192.168.1.3'], ['0.0.0.0', '192.168.1.1', '192.168.1.4', '192.168.1.5']],
  ['ipaddress-permit_prefix1', ['128.0.0.0', '255.255.255.255'], ['0.0.0.0', '127.255.255.255']],
  ['ipaddress-permit_all', ['0.0.0.0', '192.168.1.1', '255.255.255.255'], []],
  [
    'ipaddress-mapped_addrs',
    ['192.168.1.0', '192.168.1.2', '::ffff:c0a8:200', '::ffff:c0a8:202'],
    ['::ffff:c0a8:100', '192.168.1.1', '192.168.2.0', '::ffff:c0a8:201'],
  ],
];

/** Constraint file, subjects that pass, subjects that do not. */
export const SUBJECT: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  [
    'directoryname',
    ['name-us', 'name-us-arizona', 'name-jp-tokyo', 'name-us-arizona-email', 'name-us-arizona-email-invalidstring'],
    ['name-ca', 'name-us-california', 'name-us-california-mountain_view', 'name-de', 'name-jp'],
  ],
  ['directoryname-excluded', ['name-empty', 'name-us'], ['name-us-california', 'name-us-california-mountain_view']],
  ['directoryname-excludeall', [], ['name-empty', 'name-us', 'name-us-california', 'name-jp']],
  [
    'directoryname_and_dnsname',
    ['name-us-arizona-permitted.example.com'],
    // BoringSSL never looks at a common name; without a dNSName it is held against the trees of hosts here.
    ['name-us-arizona-foo.com', 'name-us-california-permitted.example.com'],
  ],
  [
    'directoryname_and_dnsname_and_ipaddress',
    ['name-us-arizona-ipv6'],
    ['name-us-arizona-1.1.1.1', 'name-us-arizona-192.168.1.1', 'name-us-california-192.168.1.1'],
  ],
  [
    'rfc822name-permitted-hostname',
    ['name-us-arizona-email', 'name-us-arizona-email-multiple'],
    ['name-us-arizona-email-invalidstring'],
  ],
  [
    'rfc822name-permitted',
    [],
    ['name-us-arizona-email', 'name-us-arizona-email-localpartcase', 'name-us-arizona-email-multiple'],
  ],
  [
    'rfc822name-excluded',
    ['name-us-arizona-email'],
    ['name-us-arizona-email-localpartcase', 'name-us-arizona-email-multiple'],
  ],
];

/** Constraint file, subjectAltNames that pass, subjectAltNames that do not. */
export const SAN: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['dnsname', ['san-permitted', 'san-excluded-directoryname', 'san-excluded-ipaddress'], ['san-excluded-dnsname']],
  ['directoryname', ['san-permitted', 'san-excluded-dnsname', 'san-excluded-ipaddress'], ['san-excluded-directoryname']],
  ['ipaddress', ['san-permitted', 'san-excluded-dnsname', 'san-excluded-directoryname'], ['san-excluded-ipaddress']],
  [
    'rfc822name-permitted',
    ['san-rfc822name', 'san-rfc822name-domaincase'],
    [
      'san-rfc822name-localpartcase',
      'san-rfc822name-subdomain',
      'san-rfc822name-no-at',
      'san-rfc822name-two-ats',
      'san-rfc822name-quoted',
      'san-rfc822name-ipv4',
      'san-rfc822name-multiple',
    ],
  ],
  [
    'rfc822name-excluded',
    ['san-rfc822name-localpartcase', 'san-rfc822name-subdomain'],
    [
      'san-rfc822name',
      'san-rfc822name-domaincase',
      'san-rfc822name-no-at',
      'san-rfc822name-two-ats',
      'san-rfc822name-ipv4',
    ],
  ],
  [
    'rfc822name-permitted-hostname',
    ['san-rfc822name', 'san-rfc822name-domaincase', 'san-rfc822name-localpartcase', 'san-rfc822name-multiple'],
    [
      'san-rfc822name-subdomain',
      'san-rfc822name-no-at',
      'san-rfc822name-two-ats',
      'san-rfc822name-empty-localpart',
      'san-rfc822name-quoted',
    ],
  ],
  [
    'rfc822name-excluded-hostname',
    ['san-rfc822name-subdomain'],
    [
      'san-rfc822name',
      'san-rfc822name-domaincase',
      'san-rfc822name-localpartcase',
      'san-rfc822name-no-at',
      'san-rfc822name-two-ats',
      'san-rfc822name-empty-localpart',
    ],
  ],
  [
    'rfc822name-permitted-subdomains',
    ['san-rfc822name-subdomain', 'san-rfc822name-subdomaincase'],
    ['san-rfc822name', 'san-rfc822name-subdomain-no-at', 'san-rfc822name-subdomain-two-ats'],
  ],
  [
    'rfc822name-excluded-subdomains',
    ['san-rfc822name'],
    [
      'san-rfc822name-subdomain',
      'san-rfc822name-subdomaincase',
      'san-rfc822name-subdomain-no-at',
      'san-rfc822name-subdomain-two-ats',
    ],
  ],
  ['rfc822name-permitted-hostnamewithat', [], ['san-rfc822name-empty-localpart', 'san-rfc822name']],
  ['rfc822name-excluded-hostnamewithat', [], ['san-rfc822name-empty-localpart', 'san-rfc822name', 'san-rfc822name-subdomain']],
  ['rfc822name-permitted-empty', [], ['san-rfc822name', 'san-rfc822name-empty']],
  ['rfc822name-excluded-empty', [], ['san-rfc822name', 'san-rfc822name-empty']],
  ['rfc822name-permitted-ipv4', [], ['san-rfc822name', 'san-rfc822name-empty', 'san-rfc822name-ipv4']],
  ['rfc822name-excluded-ipv4', [], ['san-rfc822name', 'san-rfc822name-empty', 'san-rfc822name-ipv4']],
  ['othername-excluded', ['san-rfc822name-quoted'], []],
  ['rfc822name-permitted-quoted', [], ['san-rfc822name-quoted']],
  ['rfc822name-excluded-quoted', [], ['san-rfc822name-subdomain']],
  // BoringSSL does not compare URIs and lets them pass when the constraint is not critical. We compare them; the
  // trees of these two vectors are URIs where hosts belong, so that nothing is inside of them and nothing is sure.
  ['uri-permitted', [], ['san-uri']],
  ['uri-excluded', [], ['san-uri']],
];

/** Constraint file and subjectAltName of forms that nobody compares: refused exactly when critical. */
export const UNSUPPORTED: readonly (readonly [string, string])[] = [
  ['othername-permitted', 'san-othername'],
  ['othername-excluded', 'san-othername'],
  ['x400address-permitted', 'san-x400address'],
  ['x400address-excluded', 'san-x400address'],
  ['edipartyname-permitted', 'san-edipartyname'],
  ['edipartyname-excluded', 'san-edipartyname'],
  ['registeredid-permitted', 'san-registeredid'],
  ['registeredid-excluded', 'san-registeredid'],
];
