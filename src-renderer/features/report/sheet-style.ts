// How a saved report looks: on screens light or dark as the reader has it, on paper always light.
export const sheetStyle = `
.sheet{--ink:#1f1d1a;--ink-2:#55514a;--line:#e0ddd6;--surface:#fff;--sunken:#f4f2ee;--accent:#0d6478;--wash:#e3f0f2;
--weights:#0d6478;--kv:#4c9fb0;--buffers:#9dcbd4;--reserve:#c4bfb4;--over:#c9352b;--good:#236b3c;--bad:#ab2018;
max-width:760px;margin:0 auto;padding:40px 20px;background:var(--surface);color:var(--ink);
font:14px/1.5 system-ui,-apple-system,'Segoe UI','Noto Sans',sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
@media screen and (prefers-color-scheme:dark){.sheet{--ink:#f0ede8;--ink-2:#bfb9ae;--line:#35322e;--surface:#191817;--sunken:#211f1d;
--accent:#6cc3d5;--wash:#1b2f34;--weights:#5cb5c8;--kv:#358294;--buffers:#23545f;--reserve:#5d574e;--over:#e0564b;--good:#80c793;--bad:#f4948b}}
.sheet *{box-sizing:border-box}
.sheet h1{margin:0 0 4px;font-size:28px;line-height:1.2;letter-spacing:-0.015em}
.sheet h2{margin:28px 0 8px;padding-top:12px;border-top:1px solid var(--line);font-size:16px;break-after:avoid}
.sheet p,.sheet ul,.sheet dl{margin:4px 0}
.sheet ul{padding-left:20px;list-style:disc}
.sheet .quiet,.sheet .legend dt,.sheet td:first-child,.sheet th{color:var(--ink-2)}
.sheet .lead{font-size:16px;font-weight:600}
.sheet .good{color:var(--good)}.sheet .bad{color:var(--bad)}
.sheet table{border-collapse:collapse;margin:8px 0}
.sheet th,.sheet td{padding:2px 24px 2px 0;border:0;font-weight:400;text-align:left;vertical-align:baseline}
.sheet tr{break-inside:avoid}
.sheet code,.sheet .path{font-family:ui-monospace,'SF Mono','Cascadia Mono','DejaVu Sans Mono',monospace;font-size:0.92em}
.sheet pre{margin:8px 0;padding:10px 12px;background:var(--sunken);border-radius:6px;white-space:pre-wrap;
font-family:ui-monospace,'SF Mono','Cascadia Mono','DejaVu Sans Mono',monospace;font-size:0.92em}
.sheet blockquote{margin:8px 0;padding-left:12px;border-left:2px solid var(--line);white-space:pre-line}
.sheet .legend{display:flex;flex-wrap:wrap;gap:4px 28px}.sheet .legend dd{margin:0}
.sheet svg{display:block;width:100%;height:auto;margin:8px 0;break-inside:avoid}
.sheet svg text{fill:var(--ink-2);font-size:12px}
.sheet svg .card{fill:none;stroke:var(--line)}.sheet svg .weights{fill:var(--weights)}.sheet svg .kv{fill:var(--kv)}
.sheet svg .buffers{fill:var(--buffers)}.sheet svg .reserve{fill:var(--reserve)}.sheet svg .over{fill:var(--over)}
.sheet svg .limit{stroke:var(--ink);stroke-width:2}.sheet svg .grid,.sheet svg .axis{stroke:var(--line)}
.sheet svg .range{fill:var(--wash);stroke:var(--reserve)}.sheet svg .hollow{fill:var(--surface);stroke:var(--accent);stroke-width:2}
.sheet svg .error{stroke:var(--accent);stroke-width:2}.sheet svg .filled{fill:var(--accent)}
@media print{.sheet{max-width:none;padding:0;print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;

/** Of the file alone: the page around the sheet. */
export const pageStyle = `
:root{color-scheme:light dark}body{margin:0;background:#fff}
@media screen and (prefers-color-scheme:dark){body{background:#191817}}
@page{margin:18mm 16mm}
`;
