/* The style sheet of all pages, a rule a line: see page.h. Colours of charts are in chart.c. */
#include "report/page.h"

#include <stddef.h>

// clang-format off
const char *const CH_PAGE_STYLE[] = {
    ":root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#16202e;--soft:#5b677a;"
    "--line:#e3e7ed;--bad:#b42318;--bad-paper:#fef3f2;--info-paper:#eef4ff;--code:#f1f3f6}",
    "@media (prefers-color-scheme:dark){:root{--paper:#0e131b;--card:#161d28;--ink:#e7ecf3;"
    "--soft:#a3afc0;--line:#263041;--bad:#fda29b;--bad-paper:#2d1716;--info-paper:#15233c;"
    "--code:#1d2633}}",
    "*{box-sizing:border-box}",
    "html{-webkit-text-size-adjust:100%}",
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',"
    "sans-serif}",
    "main{max-width:1180px;margin:0 auto;padding:40px 24px 24px}",
    "h1{font-size:2rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 6px;"
    "overflow-wrap:anywhere}",
    "h2{font-size:1.25rem;letter-spacing:-.01em;margin:44px 0 14px}",
    "p{margin:0 0 12px}",
    ".kind{font-size:.8rem;font-weight:600;letter-spacing:.08em;text-transform:uppercase;"
    "color:var(--c0);margin:0 0 6px}",
    ".lede,.note{color:var(--soft);max-width:75ch;overflow-wrap:anywhere}",
    ".tiles{display:flex;flex-wrap:wrap;gap:14px;margin:26px 0 0}",
    ".tile,figure,.card{background:var(--card);border:1px solid var(--line);border-radius:12px}",
    ".tile{flex:1 1 165px;padding:16px 18px}",
    ".tile:first-child:nth-last-child(n+7),.tile:first-child:nth-last-child(n+7)~.tile{"
    "flex-basis:240px}", // two rows
    ".tile dt{font-size:.82rem;color:var(--soft);margin:0}",
    ".tile dd{margin:0;font-size:1.6rem;font-weight:650;letter-spacing:-.02em;line-height:1.3;"
    "font-variant-numeric:tabular-nums}",
    ".tile dd.more{margin:2px 0 0;font-size:.82rem;font-weight:400;letter-spacing:0;"
    "line-height:1.4;color:var(--soft)}",
    ".tile:first-child dt+dd{color:var(--c0)}",
    ".finding{border-radius:10px;padding:12px 16px;margin:14px 0 0;"
    "background:var(--info-paper);overflow-wrap:anywhere}",
    ".finding.bad{background:var(--bad-paper);color:var(--bad);font-weight:550}",
    ".figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));"
    "gap:16px}",
    "figure{display:flex;flex-direction:column;margin:0;padding:16px 16px 8px;min-width:0;"
    "break-inside:avoid}",
    ".figures .finding,.figures .note{grid-column:1/-1;margin:0}",
    "figcaption{font-weight:600;font-size:.95rem;margin:0 0 6px}",
    "figcaption span{display:block;font-weight:400;font-size:.85rem;color:var(--soft)}",
    "figcaption .legend{font-weight:400;font-size:.85rem;gap:2px 16px;margin:4px 0 0}",
    "figcaption .scale i{display:inline-block;width:72px;height:10px;margin:0 4px;"
    "border:1px solid var(--line);background:linear-gradient(to right,transparent,#2563eb)}",
    "figure svg{display:block;width:100%;height:auto;margin-top:auto}",
    "svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',"
    "sans-serif}",
    "svg image,.samples img{image-rendering:pixelated}",
    ".legend{display:flex;flex-wrap:wrap;gap:6px 20px;list-style:none;margin:0 0 14px;"
    "padding:0;font-size:.9rem}",
    ".legend li{display:flex;align-items:center;gap:8px;overflow-wrap:anywhere}",
    ".legend i{flex:none;width:22px;height:0;border-top:3px solid}",
    ".legend i.dashed{border-top-style:dashed}",
    ".legend i.dotted{border-top-style:dotted}",
    ".legend i.thin{border-top-width:1px}",
    ".legend i.ticks{border-top-width:2px;width:12px}",
    ".legend i.strokes{border-top-width:5px;width:12px}",
    ".legend i.bars{height:12px;border-top-width:12px;width:12px;border-radius:2px}",
    ".samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(80px,1fr));gap:12px;"
    "padding:16px;margin:0;list-style:none}",
    ".samples li{min-width:0;break-inside:avoid}",
    ".samples img{display:block;width:100%;height:auto;border-radius:6px;"
    "border:1px solid var(--line)}",
    ".samples b{display:block;text-align:center;font-size:.76rem;line-height:1.5;margin-top:4px;"
    "overflow:hidden;text-overflow:ellipsis;white-space:nowrap}",
    ".samples small{display:block;text-align:center;font-size:.72rem;color:var(--soft)}",
    ".scroll{overflow-x:auto}",
    "table{border-collapse:collapse;width:100%;font-size:.9rem;"
    "font-variant-numeric:tabular-nums}",
    "th,td{padding:8px 14px;text-align:right;border-bottom:1px solid var(--line);"
    "white-space:nowrap}",
    "th{font-weight:600;color:var(--soft)}",
    "thead th{white-space:normal;vertical-align:bottom;line-height:1.3}",
    "tr:last-child td,tr:last-child th{border-bottom:0}",
    "th:first-child,td:first-child{text-align:left}",
    "tbody th{color:var(--ink);font-weight:500}",
    "td span{color:var(--soft)}td small{display:block;color:var(--soft)}",
    "td.off b{color:var(--c1)}td.off b:after{content:'\\2021'}",
    ".notes{color:var(--soft);font-size:.9rem;padding-left:20px}.notes b{color:var(--ink)}",
    ".notes .off b{color:var(--c1)}",
    ".word{text-align:left}td.word{white-space:normal}",
    ".note.below{margin-top:10px}.card.below{margin-top:14px}",
    ".paper td small{font-size:.82rem;line-height:1.45}",
    ".contents ul{column-width:380px;column-gap:32px;list-style:none;margin:22px 0 0;padding:0;"
    "font-size:.92rem}.contents li{break-inside:avoid;padding:2px 0}.contents a{color:var(--c0);"
    "text-decoration:none}.contents a:hover{text-decoration:underline}.contents span{"
    "color:var(--soft);white-space:nowrap}",
    "td.best{font-weight:700;color:var(--c0)}",
    ".share{display:block;height:8px;min-width:2px;border-radius:4px;background:var(--c4)}",
    "details.card{margin-top:14px}",
    "summary{cursor:pointer;padding:12px 16px;font-weight:600}",
    "pre{margin:0;padding:16px;overflow-x:auto;"
    "font:13px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "background:var(--code);border-radius:12px;tab-size:2}",
    "pre+.note{margin-top:10px}",
    "pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}",
    ".columns{column-width:320px;column-gap:32px}",
    "code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "font-size:.9em}",
    "footer{margin:48px 0 0;padding:16px 0 0;border-top:1px solid var(--line);font-size:.82rem;"
    "color:var(--soft)}",
    "@media (max-width:600px){main{padding:24px 14px}h1{font-size:1.6rem}"
    ".tiles{display:grid;grid-template-columns:1fr 1fr;gap:10px}.tile{padding:12px 14px}"
    ".tile dd{font-size:1.3rem}figure{padding:12px 8px 4px}figcaption{margin-left:6px}"
    "figure svg text{font-size:16px}th,td{padding:8px}"
    ".samples{grid-template-columns:repeat(3,minmax(0,1fr))}}",
    "@media print{:root{--paper:#fff;--code:#fff}main{max-width:none;"
    "padding:0}pre{white-space:pre-wrap;border:1px solid var(--line)}h2{break-after:avoid}"
    ".tiles{break-inside:avoid;display:grid;grid-template-columns:repeat(4,1fr)}"
    ".figures{grid-template-columns:1fr 1fr}}",
    NULL,
};
// clang-format on
