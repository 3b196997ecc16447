/** The one style of the status page, and the header that lets it in and nothing else. */
import { createHash } from 'node:crypto';

export const STATUS_STYLE = `
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--line:#dfe3e8;--text:#16191d;--dim:#59636e;
--good:#14713a;--goodbg:#e3f4e9;--warn:#8a5300;--warnbg:#fdf0d7;--bad:#b3152a;--badbg:#fde7e9;--link:#0a58b0}
@media (prefers-color-scheme:dark){:root{--page:#0f1216;--card:#171b21;--line:#2b323b;--text:#e7eaee;--dim:#98a3af;
--good:#56cf83;--goodbg:#12301f;--warn:#f0b34e;--warnbg:#352711;--bad:#ff808b;--badbg:#3d161b;--link:#7cb6ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:20px 24px 32px;background:var(--page);color:var(--text);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
a{color:var(--link)}
h1{font-size:18px;margin:0;letter-spacing:.01em}
h2{font-size:15px;margin:0 0 2px}
header{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:baseline;margin-bottom:14px}
header p,footer,.dim,.m{color:var(--dim)}
header p{margin:0;font-size:13px}
.m{display:block;margin:0;font:11px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 18px;margin:0 0 14px;min-width:0}
.state{border-left:6px solid var(--good)}
.state.warn{border-left-color:var(--warn)}
.state.bad{border-left-color:var(--bad)}
.state>p:not(.m){margin:0}
p.m{margin-top:12px;opacity:.85}
.big{font-size:24px;font-weight:650;line-height:1.25;color:var(--good)}
.warn .big{color:var(--warn)}
.bad .big{color:var(--bad)}
ul.todo{list-style:none;margin:12px 0 0;padding:0}
ul.todo li{border-radius:6px;padding:7px 11px;margin-top:6px;background:var(--warnbg)}
ul.todo li::first-letter{text-transform:uppercase}
ul.todo li.bad{background:var(--badbg)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:14px 22px;margin:14px 0 0}
dt{font-size:12px;color:var(--dim)}
dd{margin:0;font-weight:600}
dd small{display:block}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:14px;margin:0 0 14px}
.tiles .card{margin:0;padding:12px 18px}
.tiles b{display:block;font-size:clamp(20px,5.5vw,32px);line-height:1.15;font-weight:650}
.tiles span{font-size:13px;color:var(--dim)}
.allow{color:var(--good)}
.alert{color:var(--warn)}
.block{color:var(--bad)}
td.zero,b.zero,dd data[value="0"]{color:var(--dim);font-weight:400}
.two{display:grid;grid-template-columns:1fr 1fr;gap:0 14px;align-items:start}
table{border-collapse:collapse;width:100%;margin-top:8px}
th{font-size:12px;font-weight:500;color:var(--dim);text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line)}
td{padding:7px 10px 7px 0;border-bottom:1px solid var(--line);vertical-align:baseline;overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}
td:last-child,th:last-child{padding-right:0}
.n{text-align:right;white-space:nowrap;font-weight:600}
th.n{font-weight:500}
td.name{font-weight:600}
small{font-size:12px;font-weight:400;color:var(--dim)}
td.name{min-width:6.5em}
.n+td:not(.n),.n+th:not(.n){padding-left:26px}
.code{display:inline-block;font:12px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;
background:var(--page);border:1px solid var(--line);border-radius:5px;padding:0 6px;margin:1px 4px 1px 0;overflow-wrap:anywhere}
time{white-space:nowrap}
.none{margin:10px 0 0;font-size:13px;color:var(--dim)}
code{white-space:nowrap;font:12px ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
small.alert{color:var(--warn)}
small.block{color:var(--bad)}
footer{font-size:13px}
footer a{margin-right:14px}
@media (min-width:861px){.state dl{grid-template-columns:repeat(4,1fr)}}
@media (max-width:860px){.two{grid-template-columns:1fr}}
@media (max-width:640px){body{padding:14px 12px 24px}.card{padding:12px 14px}.tiles{grid-template-columns:1fr 1fr;gap:10px}
dl{grid-template-columns:1fr 1fr;gap:10px 14px}
table.wide,.wide tbody{display:block}
.wide thead{position:absolute;clip-path:inset(50%);height:1px;width:1px;overflow:hidden}
.wide tr{display:grid;grid-template-columns:repeat(4,1fr);padding:9px 0;border-bottom:1px solid var(--line)}
.three tr{grid-template-columns:repeat(3,1fr)}
.wide tr:last-child{border-bottom:0}
.wide td,.wide .n+td:not(.n){border:0;padding:2px 0}
.wide td.n{text-align:left;white-space:normal}
.wide td.n::before{content:attr(data-is);display:block;font-size:11px;font-weight:400;color:var(--dim)}
.wide td.all{grid-column:1/-1}
.wide td.all:empty{display:none}}
`;

/** For Content-Security-Policy: this style by its hash, and nothing else from anywhere. */
export const STATUS_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STATUS_STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
