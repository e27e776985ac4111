/**
 * Writes docs/bounds.md: quorums and bounds for every size from 1 to 100 signers, as the manifest computes them. The test reads the page
 * and holds it against what the numbers mean.
 *
 *   node --import tsx scripts/make-bounds.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Bounds, boundsOf } from '../src/lib/core/manifest.js'

const HALF = { a: 1, b: 2 }
const TWO_THIRDS = { a: 2, b: 3 }

/** Sizes at which 2/3 is shown beside 1/2. */
const COMPARED = [4, 5, 7, 9, 13, 16, 21, 25, 31, 40, 49, 64, 81, 100]

function cells({ quorum, crashBound, asyncByzantineBound, syncByzantineBound, inclusion }: Bounds): string {
  return [quorum, crashBound, asyncByzantineBound, syncByzantineBound, inclusion].join(' | ')
}

/** The whole page. */
export function boundsPage(): string {
  const rows = Array.from({ length: 100 }, (_, i) => `| ${i + 1} | ${cells(boundsOf(i + 1, HALF))} |`)
  const compared = COMPARED.map((n) => `| ${n} | ${cells(boundsOf(n, HALF))} | ${cells(boundsOf(n, TWO_THIRDS))} |`)
  return `# Quorums and bounds

Made by \`scripts/make-bounds.ts\`; what the words mean stands in [protocol.md](protocol.md#2-parameters-and-quorums), what is promised on their ground today in
[promises.md](promises.md). All are numbers of signers.

- **q** quorum: more than (1 + t)/2 of all, "more than 75 %" at t = 1/2.
- **crash** = n − q: as many may be down, and everything is still decided.
- **f_a**: as many may lie in a network of any slowness, and nothing unsafe happens.
- **f_s**: as many may lie while messages arrive in time, with the synchrony guard ([the protocol](protocol.md), “The synchrony guard”).
- **c** inclusion: *more than* c votes that name a batch put it before.

Sizes n = 4k + 1 give most for their cost: one signer more than 4k raises crash by one without more to lose.

## t = 1/2 (the default)

| n | q | crash | f_a | f_s | c |
|--:|--:|--:|--:|--:|--:|
${rows.join('\n')}

## t = 1/2 beside t = 2/3

A higher tolerance asks for larger quorums: fewer signers may be down, more may lie.

| n | q | crash | f_a | f_s | c | q (2/3) | crash | f_a | f_s | c |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
${compared.join('\n')}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(new URL('../docs/bounds.md', import.meta.url), boundsPage())
