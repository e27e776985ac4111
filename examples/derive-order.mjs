// Derives the one order from what reached each signer, as every signer does by itself, and draws it. Needs no cluster.
//
//   node examples/derive-order.mjs examples/five-signers.json order.svg
import { readFileSync, writeFileSync } from 'node:fs'
import { deriveOrder, drawOrderSvg } from 'musig-paxos/pure'

const [votesFile, svgFile] = process.argv.slice(2)
const data = deriveOrder(JSON.parse(readFileSync(votesFile, 'utf8')))

console.log(`${data.n} signers, quorum ${data.quorum}; named by more than ${data.inclusion} votes means before`)
for (const { id, votes, score, path, predecessors } of data.batches)
  console.log(`${id}: ${votes} votes, score ${Math.round(score * 100)} %, ${path}, after ${predecessors.join(' and ') || 'nothing'}`)
for (const { a, b, support, decisive } of data.pairs)
  console.log(`${a} before ${b}: ${support[0]} against ${support[1]}${decisive ? '' : ', not decisive'}`)
console.log(`order: ${data.order.join(' < ')}`)
if (svgFile) writeFileSync(svgFile, drawOrderSvg(data))
