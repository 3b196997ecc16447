/** The first look: was somebody in the middle, is the detector alive, what does it cost. */
import type { Dashboard, Row } from './dashboard.ts';
import {
  graph,
  HERE,
  INTERCEPTED,
  intercepted,
  NO_PROXY,
  NONE_OR_SOME,
  NONE_SOME_MANY,
  ONE_IS_GOOD,
  OR_ZERO,
  one,
  risingTo,
  stat,
  table,
  YES_NO,
  ZERO_IS_GOOD,
} from './words.ts';

const DAY = 86_400;

/** p50, p95 and p99 of a histogram, over all instances. */
function quantiles(metric: string) {
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le) (rate(${metric}_bucket{${HERE}}[$__rate_interval])))`,
    legend: `p${quantile * 100}`,
  }));
}

/** What the proxy says itself is there at once, and without the recording rule. */
const SUSPECT = `pinwarden_failing_hosts{${HERE},code=~"${INTERCEPTED}"} or instance_policy_code:pinwarden_failing_hosts:suspect{${HERE}}`;
const HOSTS = `sum(max by (policy, code) (${SUSPECT})) ${OR_ZERO}`;
const MITM_ALERTS = ['PinwardenInterceptionBlocked', 'PinwardenInterceptionAllowed', 'PinwardenManyHostsFailing'];

/** Read from left to right at three in the morning: did it happen, how wide is it, did bytes flow, since when. */
const ANSWER_ROW: Row = {
  title: 'Was somebody in the middle, and is it one host or the whole path?',
  height: 4,
  panels: [
    stat(
      4,
      'Hosts that look intercepted',
      'short',
      'Hosts that failed in the last ten minutes as they do behind a machine in the middle; without a root in the chain, only when several policies or unmatched hosts mostly fail. 0: nothing. 1 to 4: a rotation, or an attack on one host. 5 and more: suspect the path between this proxy and the internet.',
      one(HOSTS, 'hosts'),
      { steps: NONE_SOME_MANY, empty: NO_PROXY, alerts: MITM_ALERTS },
    ),
    stat(
      4,
      'One host or the whole path?',
      'short',
      'The same as words. Rotations do not happen to five unrelated hosts within ten minutes: then look at the network before you look at pins.',
      one(HOSTS, 'hosts'),
      {
        steps: NONE_SOME_MANY,
        empty: NO_PROXY,
        words: [
          { from: 0, to: 0, text: 'nobody' },
          { from: 1, to: 1, text: 'one host' },
          { from: 2, to: 4, text: 'some hosts' },
          { from: 5, to: 1_000_000, text: 'the path' },
        ],
        alerts: ['PinwardenManyHostsFailing'],
      },
    ),
    stat(
      4,
      'Policies they belong to',
      'short',
      'Metrics groups with such a host in the last ten minutes. Several at once point at the path; one points at the host or its pins.',
      one(`count(count by (policy) (${SUSPECT})) ${OR_ZERO}`, 'policies'),
      { steps: NONE_SOME_MANY, empty: NO_PROXY },
    ),
    stat(
      4,
      'Blocked in five minutes',
      'short',
      'Findings of interception that were blocked: nothing reached that upstream.',
      one(`sum(${intercepted('block')}) ${OR_ZERO}`, 'blocked'),
      {
        steps: NONE_OR_SOME,
        empty: NO_PROXY,
        alerts: ['PinwardenInterceptionBlocked', 'PinwardenUnmatchedIntercepted'],
      },
    ),
    stat(
      4,
      'Let through in five minutes',
      'short',
      'Findings of interception under rules that only alert: bytes were relayed to an upstream with an unexpected chain.',
      one(`sum(${intercepted('alert')}) ${OR_ZERO}`, 'let through'),
      { steps: ZERO_IS_GOOD, empty: NO_PROXY, alerts: ['PinwardenInterceptionAllowed'] },
    ),
    stat(
      4,
      'First in the range shown',
      'dateTimeFromNow',
      'When the first finding of interception was seen in the range shown, to the minute. Widen the range until it does not move.',
      one(`min(min_over_time(timestamp(${intercepted('.+')} > 0)[$__range:1m])) * 1000`, 'first'),
      { empty: 'none' },
    ),
  ],
};

const DETAIL_ROW: Row = {
  title: 'Which rule, which code, since when?',
  height: 7,
  panels: [
    table(
      8,
      'Failing hosts by policy and code',
      'short',
      'Distinct hosts that failed any check in the last ten minutes. Read the code in the runbook of its alert, and the hosts in the audit file.',
      one(`max by (policy, code) (pinwarden_failing_hosts{${HERE}})`),
      { columns: ['policy', 'code'], value: 'hosts', empty: 'No host has failed in ten minutes.' },
    ),
    table(
      8,
      'First finding in the range shown',
      'dateTimeFromNow',
      'When each policy, code and action began in the range shown, to the minute: the newest on top is what changed last.',
      one(
        `min by (policy, code, action) (min_over_time(timestamp(instance_policy_code_action:pinwarden_findings:increase5m{${HERE}} > 0)[$__range:1m])) * 1000`,
      ),
      { columns: ['policy', 'code', 'action'], value: 'first', empty: 'No finding in the range shown.' },
    ),
    table(
      8,
      'Last block or alert',
      'dateTimeFromNow',
      'When each policy last blocked a connection, or let one through with an alert.',
      one(`max by (policy, action) (pinwarden_last_event_timestamp_seconds{${HERE}}) * 1000`),
      { columns: ['policy', 'action'], value: 'when', empty: 'Nothing was blocked or alerted since the start.' },
    ),
    graph(
      12,
      'Findings in five minutes',
      'short',
      'What was found wrong, by code, and whether it was blocked or only alerted. The first finding of a kind counts too.',
      one(
        `sum by (code, action) (instance_policy_code_action:pinwarden_findings:increase5m{${HERE}}) > 0`,
        '{{code}} ({{action}})',
      ),
      {
        empty: 'Nothing was found wrong in the range shown.',
        alerts: [
          'PinwardenUpstreamBecameInvalid',
          'PinwardenUpstreamInvalid',
          'PinwardenCertificateRevoked',
          'PinwardenRevocationUnknown',
        ],
      },
    ),
    graph(
      12,
      'Verdicts',
      'reqps',
      'allow: every check passed. alert: let through although something is wrong. block: refused. error: no verdict, nothing was relayed.',
      one(`sum by (verdict) (rate(pinwarden_verdicts_total{${HERE}}[$__rate_interval]))`, '{{verdict}}'),
      { colors: { allow: 'green', alert: 'orange', block: 'red', error: 'gray' } },
    ),
  ],
};

const ALIVE_ROW: Row = {
  title: 'Is the detector itself alive?',
  height: 4,
  panels: [
    stat(
      4,
      'Since the last self-test',
      's',
      'The proxy attacks itself with a rogue endpoint every five minutes. This is the age of the oldest success: above fifteen minutes nobody knows whether it still detects.',
      one(`max(time() - pinwarden_selftest_last_success_timestamp_seconds{${HERE}})`, 'age'),
      { steps: risingTo(600, 900), alerts: ['PinwardenSelfTestStale'] },
    ),
    stat(
      4,
      'Last reload taken whole',
      'short',
      '1: everything in the last reload is in force. 0: at least one file was refused and runs on its last good text.',
      one(`min(pinwarden_config_last_reload_successful{${HERE}})`, 'taken'),
      { steps: ONE_IS_GOOD, words: YES_NO, alerts: ['PinwardenReloadRefused'] },
    ),
    stat(
      4,
      'Files on their last good text',
      'short',
      'Files whose newest text was refused. Their rules are those of before.',
      one(`sum(pinwarden_config_sources_held{${HERE}})`, 'files'),
      { steps: ZERO_IS_GOOD },
    ),
    stat(
      4,
      'Configurations in the fleet',
      'short',
      'Different digests of the active generation. More than 1 for long: replicas do not judge alike.',
      one(`count(count by (sha256) (pinwarden_config_hash_info{${HERE}}))`, 'digests'),
      { steps: risingTo(2, 3), alerts: ['PinwardenConfigDrift'] },
    ),
    stat(
      4,
      'Age of the public anchors',
      's',
      'How long ago the public root set that ships was frozen; empty when publicAnchors replaces it. Above 180 days an update of the proxy is due.',
      one(`max(pinwarden_public_anchors_age_seconds{${HERE}})`, 'age'),
      { steps: risingTo(180 * DAY, 365 * DAY), empty: 'replaced', alerts: ['PinwardenAnchorsOld'] },
    ),
    stat(
      4,
      'Age of the CT log list',
      's',
      'Empty without ct.logList. Above 70 days the list counts as stale and required CT checks fail.',
      one(`max(pinwarden_ct_log_list_age_seconds{${HERE}})`, 'age'),
      { steps: risingTo(50 * DAY, 70 * DAY), empty: 'no list', alerts: ['PinwardenCtLogListStale'] },
    ),
    stat(
      4,
      'Proxies that answer',
      'percentunit',
      'Share of the scraped instances that are up.',
      one(`avg(up{${HERE}})`, 'up'),
      {
        steps: [
          { from: null, color: 'red' },
          { from: 1, color: 'green' },
        ],
        alerts: ['PinwardenDown'],
      },
    ),
    stat(4, 'Workers', 'short', 'Worker processes that serve.', one(`sum(pinwarden_workers{${HERE}})`, 'workers')),
    stat(
      4,
      'Worker restarts',
      'short',
      'Workers that ended and were replaced in the range shown: crash, stall or refused start.',
      one(`sum(increase(pinwarden_worker_restarts_total{${HERE}}[$__range]))`, 'restarts'),
      { steps: risingTo(1, 5), alerts: ['PinwardenWorkersRestarting'] },
    ),
    stat(
      4,
      'Audit lines lost',
      'short',
      'Lines that could not be written in the range shown. With audit.onFull: block a lost verdict line refuses the connection.',
      one(`sum(increase(pinwarden_audit_lost_total{${HERE}}[$__range]))`, 'lines'),
      { steps: ZERO_IS_GOOD, alerts: ['PinwardenAuditLost'] },
    ),
    stat(
      4,
      'Failed self-tests',
      'short',
      'Self-tests in the range shown that did not block the rogue endpoint.',
      one(`sum(increase(pinwarden_selftest_failures_total{${HERE}}[$__range]))`, 'failed'),
      { steps: ZERO_IS_GOOD, alerts: ['PinwardenSelfTestFailed'] },
    ),
    stat(
      4,
      'Evidence or events lost',
      'short',
      'In the range shown: unexpected chains that did not reach the locker, and live events that somebody who watched has missed. Verdicts and audit are whole.',
      one(
        `sum(increase(pinwarden_evidence_lost_total{${HERE}}[$__range])) + sum(increase(pinwarden_event_stream_dropped_total{${HERE}}[$__range]))`,
        'lost',
      ),
      { steps: risingTo(1, 1000) },
    ),
    stat(
      4,
      'Chains in the evidence locker',
      'short',
      'Unexpected chains that are kept: pinwarden evidence list shows them. One that grows fast is many hosts, or many keys for one.',
      one(`sum(pinwarden_evidence_exhibits{${HERE}})`, 'chains'),
    ),
    stat(
      4,
      'Reloads refused',
      'short',
      'In the range shown: reloads of which everything or a part was refused.',
      one(`sum(increase(pinwarden_config_reloads_total{${HERE},result!="accepted"}[$__range]))`, 'refused'),
      { steps: risingTo(1, 5), alerts: ['PinwardenReloadRefused'] },
    ),
    stat(
      4,
      'Last whole reload',
      'dateTimeFromNow',
      'When every file was last taken. The blue lines in the graphs are the generations that became active.',
      one(`max(pinwarden_config_last_reload_success_timestamp_seconds{${HERE}}) * 1000`, 'last'),
    ),
    stat(
      12,
      'Versions',
      'short',
      'Versions of the proxy in the fleet.',
      one(`count by (version, node, openssl) (pinwarden_build_info{${HERE}})`, '{{version}} · {{node}} · {{openssl}}'),
      { legendOnly: true },
    ),
  ],
};

const CLIENT_ROW: Row = {
  title: 'Do clients trust our CA, and are upstreams reached?',
  height: 7,
  panels: [
    graph(
      8,
      'Clients that refuse our certificate',
      'reqps',
      'TLS alerts of clients, by client group. unknown_ca, bad_certificate, certificate_unknown and closed mean that the client does not trust our CA, or pins the host itself.',
      one(
        `sum by (client, alert) (rate(pinwarden_client_alerts_total{${HERE}}[$__rate_interval])) > 0`,
        '{{client}}: {{alert}}',
      ),
      { empty: 'No client refused it in the range shown.', alerts: ['PinwardenClientsDistrustCa'] },
    ),
    graph(
      8,
      'Upstreams that could not be reached',
      'reqps',
      'By code. Nothing was relayed; a certificate that was judged bad is no error and not counted here.',
      one(
        `sum by (reason) (rate(pinwarden_upstream_connect_errors_total{${HERE}}[$__rate_interval])) > 0`,
        '{{reason}}',
      ),
      { empty: 'No upstream failed in the range shown.', alerts: ['PinwardenUpstreamsUnreachable'] },
    ),
    graph(
      8,
      'Requests that came to no verdict',
      'reqps',
      'Malformed requests, limits, clients that went away, and failures of ours, by code.',
      one(`sum by (code) (rate(pinwarden_errors_total{${HERE}}[$__rate_interval])) > 0`, '{{code}}'),
      { empty: 'No request failed before its verdict.', alerts: ['PinwardenInternalErrors', 'PinwardenSaturated'] },
    ),
  ],
};

const COST_ROW: Row = {
  title: 'What does the proxy cost?',
  height: 7,
  panels: [
    graph(
      8,
      'Upstream handshake',
      's',
      'From dialling to the end of the TLS handshake: mostly the network and the upstream.',
      quantiles('pinwarden_upstream_handshake_duration_seconds'),
      { alerts: ['PinwardenHandshakeSlow'] },
    ),
    graph(
      8,
      'Examine and judge one chain',
      's',
      'What verification itself adds to a connection.',
      quantiles('pinwarden_judge_duration_seconds'),
    ),
    graph(
      8,
      'Name lookups and minting, p99',
      's',
      'Name lookups, and certificates minted for hosts that are not in the cache.',
      [
        {
          expr: `histogram_quantile(0.99, sum by (le) (rate(pinwarden_resolver_lookup_duration_seconds_bucket{${HERE}}[$__rate_interval])))`,
          legend: 'lookup',
        },
        {
          expr: `histogram_quantile(0.99, sum by (le) (rate(pinwarden_leaf_mint_duration_seconds_bucket{${HERE}}[$__rate_interval])))`,
          legend: 'mint',
        },
      ],
    ),
    graph(
      8,
      'Tunnels opened',
      'reqps',
      'Tunnels and requests that were let through, by mode.',
      one(
        `sum by (mode, verdict) (rate(pinwarden_tunnels_total{${HERE}}[$__rate_interval])) > 0`,
        '{{mode}} ({{verdict}})',
      ),
      { empty: 'No tunnel was opened in the range shown.' },
    ),
    graph(
      8,
      'Open connections',
      'short',
      'Connections of clients and to upstreams that are open now.',
      one(`sum by (side) (pinwarden_connections_active{${HERE}})`, '{{side}}'),
    ),
    graph(
      8,
      'Bytes relayed',
      'Bps',
      'up is from client to upstream.',
      one(`sum by (direction) (rate(pinwarden_tunnel_bytes_total{${HERE}}[$__rate_interval]))`, '{{direction}}'),
    ),
    graph(
      8,
      'CPU',
      'short',
      'Cores in use, all processes of an instance together.',
      one(`sum by (instance) (rate(process_cpu_seconds_total{${HERE}}[$__rate_interval]))`, '{{instance}}'),
    ),
    graph(
      8,
      'Memory',
      'bytes',
      'Resident memory, all processes of an instance together.',
      one(`sum by (instance) (process_resident_memory_bytes{${HERE}})`, '{{instance}}'),
    ),
    graph(
      8,
      'Event loop lag, p99',
      's',
      'Delay in the busiest process of each instance: what every tunnel of that process waits.',
      one(`max by (instance) (nodejs_eventloop_lag_p99_seconds{${HERE}})`, '{{instance}}'),
      { alerts: ['PinwardenSaturated'] },
    ),
    graph(
      8,
      'Open files',
      'percentunit',
      'File descriptors in use, in the fullest process of each instance, as a share of its limit.',
      one(`max by (instance) (process_open_fds{${HERE}} / process_max_fds{${HERE}})`, '{{instance}}'),
      { alerts: ['PinwardenSaturated'] },
    ),
    graph(
      8,
      'How long tunnels live',
      's',
      'Quantiles over the tunnels that ended.',
      quantiles('pinwarden_tunnel_duration_seconds'),
      { empty: 'No tunnel ended in the range shown.' },
    ),
    graph(
      8,
      'Why tunnels ended',
      'reqps',
      'policy: cut by a reload that would not permit them any more. refused: the client refused our certificate.',
      one(
        `sum by (reason) (rate(pinwarden_tunnel_duration_seconds_count{${HERE}}[$__rate_interval])) > 0`,
        '{{reason}}',
      ),
      { empty: 'No tunnel ended in the range shown.' },
    ),
  ],
};

export const OVERVIEW: Dashboard = {
  uid: 'pinwarden-overview',
  title: 'Pinwarden / Overview',
  description: 'Was somebody in the middle, is the detector alive, and what does it cost.',
  refresh: '30s',
  policies: false,
  rows: [ANSWER_ROW, DETAIL_ROW, ALIVE_ROW, CLIENT_ROW, COST_ROW],
};
