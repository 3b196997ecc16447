/** The work of those who keep pins: what is used, what expires, what would break, whose it is. */
import type { Dashboard, Row } from './dashboard.ts';
import { fallingTo, graph, HERE, NO_PROXY, OR_ZERO, one, risingTo, stat, table, ZERO_IS_GOOD } from './words.ts';

const DAY = 86_400;
const MINE = `${HERE},policy=~"$policy"`;
/** Adds the owner of a policy to a count by instance and policy; policy_info has one series for each. */
const OWNER = `* on (job, instance, policy) group_left (owner) pinwarden_policy_info{${MINE}}`;

const PIN_ROW: Row = {
  title: 'Pins: do they match, and with which key?',
  height: 7,
  panels: [
    graph(
      8,
      'Pin hits',
      'reqps',
      'Connections whose verified path matched a pin. backup in use means that an upstream has rotated.',
      one(`sum by (pin) (rate(pinwarden_pin_hits_total{${MINE}}[$__rate_interval]))`, '{{pin}}'),
    ),
    graph(
      8,
      'Pin failures',
      'reqps',
      'mismatch: no key on the verified path is pinned. denied: only paths over a denied key. expired: the pins have expired.',
      one(
        `sum by (policy, reason) (rate(pinwarden_pin_failures_total{${MINE}}[$__rate_interval])) > 0`,
        '{{policy}}: {{reason}}',
      ),
      { empty: 'No pin failed in the range shown.' },
    ),
    table(
      8,
      'Backup pins in use',
      'short',
      'Connections in the range shown that only a backup pin accepted. Promote the backup to a primary pin and add a new backup.',
      one(`sum by (policy, owner) (increase(pinwarden_pin_hits_total{${MINE},pin="backup"}[$__range]) ${OWNER}) > 0`),
      {
        columns: ['policy', 'owner'],
        value: 'connections',
        empty: 'No backup pin was needed.',
        alerts: ['PinwardenBackupPinInUse'],
      },
    ),
    table(
      8,
      'When pins last matched',
      'dateTimeFromNow',
      'A primary pin that has not matched for long while its policy has traffic is dead.',
      one(`max by (policy, pin) (pinwarden_pin_last_match_timestamp_seconds{${MINE}}) * 1000`),
      { columns: ['policy', 'pin'], value: 'when', empty: 'No pin has matched since the start.' },
    ),
    table(
      8,
      'Policies with traffic whose pins never match',
      'short',
      'Connections in the range shown under policies with pins, none of which matched.',
      one(
        `sum by (policy) (increase(pinwarden_pin_failures_total{${MINE}}[$__range])) > 0 unless sum by (policy) (increase(pinwarden_pin_hits_total{${MINE}}[$__range])) > 0`,
      ),
      { columns: ['policy'], value: 'failures', empty: 'There is none in the range shown.' },
    ),
    stat(
      4,
      'Floors lowered',
      'short',
      'Policies with unsafeFloor or unsafeTls in force, which let invalid upstreams through with an alert or speak old TLS, and connections by old TLS in the range shown.',
      [
        ...one(`count(pinwarden_override_active{${MINE}} == 1) ${OR_ZERO}`, 'policies'),
        ...one(
          `sum(increase(pinwarden_unsafe_tls_connections_total{${MINE}}[$__range])) ${OR_ZERO}`,
          'connections by old TLS',
        ),
      ],
      { steps: ZERO_IS_GOOD, empty: NO_PROXY, alerts: ['PinwardenFloorLowered'] },
    ),
    stat(
      4,
      'Counted under _other',
      'short',
      'Verdicts in the range shown whose metrics group did not fit into the limit of 200.',
      one(`sum(increase(pinwarden_metrics_dropped_labels_total{${HERE}}[$__range]))`, 'verdicts'),
      { steps: risingTo(1, 1000), alerts: ['PinwardenMetricsGroupsOverflow'] },
    ),
  ],
};

const ENFORCE_ROW: Row = {
  title: 'Which rule would break if enforced, and whose is it?',
  height: 8,
  panels: [
    table(
      8,
      'Would be blocked',
      'short',
      'Connections in the range shown that were let through with an alert and that onFailure: block would refuse. Fix these, then enforce.',
      one(
        `sum by (policy, owner) (increase(pinwarden_verdicts_total{${MINE},verdict="alert"}[$__range]) ${OWNER}) > 0`,
      ),
      {
        columns: ['policy', 'owner'],
        value: 'connections',
        empty: 'No connection would have been blocked.',
        alerts: ['PinwardenRuleWouldBlock'],
      },
    ),
    table(
      8,
      'Would be blocked, by code (all time)',
      'short',
      'The same since the processes started, by what would block it.',
      one(
        `sum by (policy, owner, code, set) (pinwarden_would_block_total{${MINE}} * on (job, instance, policy) group_left (owner) pinwarden_policy_info{${MINE}})`,
      ),
      {
        columns: ['policy', 'owner', 'code', 'set'],
        value: 'connections',
        empty: 'No connection would have been blocked.',
      },
    ),
    table(
      8,
      'Ready to enforce',
      'short',
      'Policies that only alert, had connections in the range shown and would not have blocked one of them.',
      one(
        `sum by (policy, owner) (increase(pinwarden_verdicts_total{${MINE},verdict="allow"}[$__range]) * on (job, instance, policy) group_left (owner) pinwarden_policy_info{${MINE},on_failure="alert"}) > 0 unless on (policy) sum by (policy) (increase(pinwarden_verdicts_total{${MINE},verdict="alert"}[$__range])) > 0`,
      ),
      { columns: ['policy', 'owner'], value: 'connections', empty: 'No rule that alerts had only clean traffic.' },
    ),
    table(
      12,
      'Verdicts by policy',
      'short',
      'Connections in the range shown, with the words of the policy.',
      one(
        `sum by (policy, owner, mode, on_failure, verdict) (increase(pinwarden_verdicts_total{${MINE}}[$__range]) * on (job, instance, policy) group_left (owner, mode, on_failure) pinwarden_policy_info{${MINE}}) > 0`,
      ),
      {
        columns: ['policy', 'owner', 'mode', 'on_failure', 'verdict'],
        value: 'connections',
        empty: 'No traffic in the range shown.',
      },
    ),
    table(
      12,
      'Rules by mode',
      'short',
      'Rules of the active generation. bypass is not judged.',
      one(`max by (mode) (pinwarden_policies{${HERE}})`),
      { columns: ['mode'], value: 'rules' },
    ),
  ],
};

const EXPIRY_ROW: Row = {
  title: 'What expires next?',
  height: 8,
  panels: [
    table(
      12,
      'Time left',
      's',
      'Pins with an expiry, certificates of upstreams on verified paths of the last hours (anchors left out), and the CA that mints for clients.',
      [
        {
          expr: `sort(label_replace(min by (policy) (pinwarden_pin_expiry_timestamp_seconds{${MINE}}) - time(), "what", "pins", "", "") or label_replace(min by (policy) (pinwarden_upstream_cert_expiry_timestamp_seconds{${MINE}}) - time(), "what", "upstream certificate", "", "") or label_replace(min by (slot) (pinwarden_ca_expiry_timestamp_seconds{${HERE}}) - time(), "what", "our CA", "", ""))`,
          legend: '',
        },
      ],
      {
        columns: ['what', 'policy', 'slot'],
        value: 'left',
        rising: true,
        alerts: ['PinwardenPinsExpiringSoon', 'PinwardenUpstreamCertificateExpiring', 'PinwardenCaExpiringSoon'],
      },
    ),
    stat(
      4,
      'First pins to expire',
      's',
      'Time until the first pins of any policy expire.',
      one(`min(pinwarden_pin_expiry_timestamp_seconds{${MINE}}) - time()`, 'left'),
      { steps: fallingTo(28 * DAY, 7 * DAY), empty: 'no pins expire', alerts: ['PinwardenPinsExpireThisWeek'] },
    ),
    stat(
      4,
      'First upstream certificate',
      's',
      'Time until the first certificate on a verified path expires.',
      one(`min(pinwarden_upstream_cert_expiry_timestamp_seconds{${MINE}}) - time()`, 'left'),
      { steps: fallingTo(7 * DAY, 3 * DAY), empty: 'none seen' },
    ),
    stat(
      4,
      'Our CA expires',
      's',
      'Time until the CA that mints for clients expires.',
      one(`min(pinwarden_ca_expiry_timestamp_seconds{${HERE}}) - time()`, 'left'),
      { steps: fallingTo(30 * DAY, 7 * DAY), alerts: ['PinwardenCaExpiresThisWeek'] },
    ),
  ],
};

const CHECK_ROW: Row = {
  title: 'What did the checks say?',
  height: 8,
  panels: [
    table(
      8,
      'Outcomes in the range shown',
      'short',
      'pass, fail, and absent: nothing was offered to judge. What a rule does not ask is left out.',
      one(`sum by (check, result) (increase(pinwarden_checks_total{${HERE},result!="skipped"}[$__range])) > 0`),
      { columns: ['check', 'result'], value: 'connections', empty: 'Nothing was judged in the range shown.' },
    ),
    graph(
      8,
      'Certificate Transparency',
      'reqps',
      'absent: no log list, or no timestamps. fail: the certificate is not logged as the profile demands.',
      one(`sum by (result) (rate(pinwarden_checks_total{${HERE},check="ct"}[$__rate_interval]))`, '{{result}}'),
      { alerts: ['PinwardenCtFailing'], colors: { pass: 'green', fail: 'red', absent: 'orange', skipped: 'gray' } },
    ),
    graph(
      8,
      'Staples and CRLs',
      'reqps',
      'Revocation as the upstream staples it, and as the CRLs say, given or fetched.',
      one(
        `sum by (check, result) (rate(pinwarden_checks_total{${HERE},check=~"staple|crl"}[$__rate_interval]))`,
        '{{check}}: {{result}}',
      ),
      { alerts: ['PinwardenRevocationUnknown', 'PinwardenCertificateRevoked'] },
    ),
    table(
      10,
      'Fetches in the background',
      'short',
      'CRLs and missing issuers that were fetched aside in the range shown. failed: nothing came. refused: what came proves nothing.',
      one(`sum by (kind, result) (increase(pinwarden_fetches_total{${HERE}}[$__range]))`),
      { columns: ['kind', 'result'], value: 'fetches' },
    ),
    table(
      10,
      'URLs that are followed',
      'short',
      'By what they have brought: fresh, stale (a CRL past its nextUpdate), or nothing yet.',
      one(`max by (kind, state) (pinwarden_fetch_urls{${HERE}})`),
      { columns: ['kind', 'state'], value: 'URLs', alerts: ['PinwardenFetchesFailing'] },
    ),
    stat(
      4,
      'Oldest fetched CRL',
      's',
      'Time since thisUpdate of the oldest CRL that was fetched; 0 when there is none.',
      one(`max(pinwarden_fetched_crl_oldest_age_seconds{${HERE}}) ${OR_ZERO}`, 'age'),
      { steps: risingTo(10 * DAY, 30 * DAY), empty: NO_PROXY },
    ),
    graph(
      24,
      'Findings by policy in five minutes',
      'short',
      'Every finding, whether blocked or alerted. The first of a kind counts too.',
      one(
        `sum by (policy, code, action) (instance_policy_code_action:pinwarden_findings:increase5m{${MINE}}) > 0`,
        '{{policy}}: {{code}} ({{action}})',
      ),
      { empty: 'Nothing was found wrong in the range shown.', alerts: ['PinwardenRevocationUnknown'] },
    ),
  ],
};

export const PINS: Dashboard = {
  uid: 'pinwarden-pins',
  title: 'Pinwarden / Pins and verification',
  description:
    'Which pins match, what would break if enforced and whose it is, what expires next, what the checks say.',
  refresh: '1m',
  policies: true,
  rows: [ENFORCE_ROW, PIN_ROW, EXPIRY_ROW, CHECK_ROW],
};
