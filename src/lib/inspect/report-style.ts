/** How a report looks: light and dark, on a screen and on paper. Its colours are those of the drawings. */
import { PALETTE } from './svg.js'

const COLOURS = { ink: 'ink', faint: 'faint', rule: 'rule', paper: 'paper', link: 'info' } as const

const variables = (side: 0 | 1) =>
  Object.entries(COLOURS)
    .map(([name, tone]) => `--${name}:${PALETTE[tone][side]};`)
    .join('')

/** The style sheet of a report. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;${variables(0)}}
@media (prefers-color-scheme:dark){:root{${variables(1)}}}
body{margin:0 auto;max-width:88rem;padding:1.5rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.6rem;margin:0 0 .3rem}
h2{font-size:1.25rem;margin:0 0 .5rem;padding-top:1.2rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:1rem 0 .4rem}
a{color:var(--link)}
.faint{color:var(--faint);font-size:.9rem}
.lead{font-weight:600}
.faint,dd,td,li,pre{overflow-wrap:anywhere}
nav ul{padding-left:1.2rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.6rem 0}
dt{color:var(--faint)}
dd{margin:0}
pre{margin:.4rem 0;padding:.6rem;border:1px solid var(--rule);white-space:pre-wrap;font-size:.85rem}
figure{margin:0}
.wide{overflow-x:auto;border:1px solid var(--rule)}
.wide svg{display:block}
table{border-collapse:collapse;font-size:.9rem}
th,td{padding:.25rem .7rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
td:first-child{white-space:nowrap}
@media print{.wide{overflow:visible;border:0}.wide svg{max-width:100%;height:auto}section{break-before:page}}
`
