/**
 * NODE_OPTIONS, which Node obeys before any line of ours runs: in the process that reads the CA key, not in workers.
 *
 * Does: split it as Node does, tell flags that cannot hurt from all others. Pure.
 * Does not: undo anything: what a flag loads has run by then. Whoever calls refuses the start.
 */

/** Memory, warnings, messages, names. Whatever is not here is refused, and so is what a future Node adds. */
const HARMLESS: ReadonlySet<string> = new Set([
  '--abort-on-uncaught-exception',
  '--deprecation',
  '--disable-sigusr1',
  '--disable-warning',
  '--dns-result-order',
  '--enable-source-maps',
  '--extra-info-on-fatal-exception',
  '--huge-max-old-generation-size',
  '--jitless',
  '--max-heap-size',
  '--max-old-space-size',
  '--max-old-space-size-percentage',
  '--max-semi-space-size',
  '--no-addons',
  '--no-deprecation',
  '--no-enable-source-maps',
  '--no-extra-info-on-fatal-exception',
  '--no-global-search-paths',
  '--no-inspect',
  '--no-network-family-autoselection',
  '--no-warnings',
  '--pending-deprecation',
  '--secure-heap',
  '--secure-heap-min',
  '--stack-trace-limit',
  '--throw-deprecation',
  '--title',
  '--trace-deprecation',
  '--trace-sigint',
  '--trace-uncaught',
  '--trace-warnings',
  '--use-largepages',
  '--v8-pool-size',
  '--warnings',
]);

/** What the others do, by the first pattern that fits the name without its dashes. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^(r|require|import|(experimental-)?loader|eval|e|p|print|snapshot-blob|build-snapshot|entry-url)$/, 'runs code'],
  [/^(env-file|experimental-(default-config-file|config-file|package-map|vfs)|vfs-)/, 'brings in what nobody checked'],
  [/^(inspect|debug|no-disable-sigusr1|allow-inspector)/, 'opens the inspector'],
  [/^tls-keylog$/, 'writes the keys of TLS connections'],
  [/^(tls-|trace-tls$|openssl-|enable-fips|force-fips|use-\w+-ca$|no-use-\w+-ca$)/, 'changes TLS or what is trusted'],
  [/^(insecure-http-parser|http-parser|max-http-header-size)$/, 'changes how requests are parsed'],
  [
    /^(heap|cpu-prof|prof|perf-|report-|experimental-report|diagnostic-dir|redirect-|trace-)/,
    'writes or prints internals',
  ],
];

/** What is refused of `text`: the flag as written, without its value, and why. Null: it holds nothing but harmless flags. */
export function dangerIn(text: string): { readonly flag: string; readonly why: string } | null {
  for (const word of split(text)) {
    // A value that stands apart from its flag.
    if (!word.startsWith('-')) continue;
    const flag = word.split('=', 1)[0] ?? word;
    // Node takes underscores for dashes behind the first two.
    const name = flag.replaceAll('_', '-');
    if (HARMLESS.has(name)) continue;
    const bare = name.replace(/^-+/, '');
    const why =
      REASONS.find(([pattern]) => pattern.test(bare))?.[1] ?? 'is not one of those that are known to be harmless';
    return { flag: flag.slice(0, MAX_FLAG), why };
  }
  return null;
}

const MAX_FLAG = 64;

/** Node's own grammar: spaces part words, double quotes hold them together, a backslash in quotes takes the next as it is. */
function split(text: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!;
    if (char === '\\' && isQuoted) {
      at += 1;
      word += text[at] ?? '';
    } else if (char === '"') {
      isQuoted = !isQuoted;
    } else if (char === ' ' && !isQuoted) {
      words.push(word);
      word = '';
    } else {
      word += char;
    }
  }
  return [...words, word].filter((one) => one !== '');
}
