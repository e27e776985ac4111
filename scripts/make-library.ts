/**
 * Writes docs/library.md: a reference of every export, from the docstrings, with the examples as they stand in examples/. A test holds the page against both.
 *
 *   node scripts/build.mjs && node --import tsx scripts/make-library.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Exported, exportsOf } from './exports.js'

interface Section {
  title: string
  words: string
  names: readonly string[]
}

/** Every export stands in one of them. */
const SECTIONS: readonly Section[] = [
  {
    title: 'Manifests and bounds',
    words:
      'The manifest says who the signers are and what they agree on; all that is verified rests on it. Get it once from somewhere you trust, keep it, and load it with its proofs checked.',
    names: [
      'loadManifest',
      'readManifest',
      'manifestToJson',
      'boundsOf',
      'ProvedManifest',
      'Manifest',
      'ManifestContent',
      'SignerEntry',
      'Timing',
      'Tolerance',
      'Bounds',
    ],
  },
  {
    title: 'Verifying',
    words:
      'Nothing here asks a cluster. A verdict says `valid` and, where it is not, the `reason`; an error is thrown only for what is no certificate, evidence or signature at all. [Reading a certificate](reading-a-certificate.md) walks through one field by field.',
    names: [
      'verifyCertificate',
      'verifyEvidence',
      'verifySignature',
      'signatureClaim',
      'readBatch',
      'CertificateVerdict',
      'EvidenceVerdict',
      'EvidenceKind',
      'SignatureClaim',
      'SignatureOptions',
      'SignatureVerdict',
      'Batch',
      'CryptoOptions',
    ],
  },
  {
    title: 'The order',
    words: 'What every signer derives from the same votes: counts, scores, pairs, components, one order.',
    names: [
      'deriveOrder',
      'countVotes',
      'orderOfGroup',
      'Arrivals',
      'VoteSets',
      'VotedBatches',
      'Vote',
      'VoteCount',
      'OrderData',
      'OrderBatch',
      'OrderPair',
      'OrderRank',
      'OrderView',
      'Path',
    ],
  },
  {
    title: 'Trees',
    words: 'Every batch has a tree of its own, which follows from its id, its initiator and the manifest.',
    names: ['buildTree', 'treeOfBatch', 'BatchTree', 'TreeData', 'TreeNode', 'NodeState', 'NodeTimes', 'Role', 'TreeParameters'],
  },
  {
    title: 'Drawings',
    words: 'Self-contained SVG as text, light and dark, the same as `musig inspect … --svg`. Names in them are made harmless.',
    names: ['drawOrderSvg', 'drawTreeSvg'],
  },
  {
    title: 'Transactions',
    words: 'A transaction names the keys that it touches; those that share one are put in order.',
    names: [
      'newTransaction',
      'signTransaction',
      'transactionId',
      'transactionToJson',
      'readTransaction',
      'NewTransaction',
      'Transaction',
      'ForCluster',
      'Id',
    ],
  },
  {
    title: 'State machines',
    words:
      'What gives the order a meaning. The built-in ones can be run anywhere, and their payload makers give the keys along with the payload: `newTransaction(manifest, { ...transferPayload(…), secretKey })`.',
    names: [
      'openPayload',
      'transferPayload',
      'accountKey',
      'Ledger',
      'createPayload',
      'updatePayload',
      'putPayload',
      'patchPayload',
      'deletePayload',
      'documentKey',
      'Documents',
      'Append',
      'StateMachine',
      'Position',
      'Receipt',
      'Draft',
      'Json',
    ],
  },
  {
    title: 'The simulator',
    words: 'A whole cluster in memory, from one seed: [the simulator](simulator.md) says what its settings and verdicts mean.',
    names: ['simulate', 'SimulationResult', 'Scenario', 'Topology', 'Violation'],
  },
  {
    title: 'Signing',
    words: 'Every function that verifies or signs takes `{ crypto }`. Without it plain JavaScript does the work.',
    names: ['nobleCrypto', 'loadCrypto', 'LoadedCrypto', 'Crypto', 'Bls', 'SignedBy', 'Ed25519'],
  },
  {
    title: 'Errors',
    words: '[errors.md](errors.md) says of every code what it means and what to do.',
    names: ['MusigError', 'ErrorCode'],
  },
  {
    title: 'The client',
    words:
      'Talks to the signers of a cluster through their API, which answers on their own machine. Its answers are the word of the signer that gave them: what must be sure is verified.',
    names: [
      'Client',
      'ClientOptions',
      'SubmitOptions',
      'ReadOptions',
      'Member',
      'TransactionResult',
      'BatchAnswer',
      'CertificateAnswer',
      'NodeStatus',
      'StatusAnswer',
      'Health',
      'PeerStatusAnswer',
      'BeginningProgress',
      'PeerHealth',
      'HeldEvidence',
      'Suspicion',
      'SinkStatus',
      'SinkState',
      'Phases',
      'BatchDescription',
      'DescribedBatch',
      'DescribedVotes',
      'DescribedNode',
      'GroupAnswer',
      'GroupBatch',
      'TimelineAnswer',
      'ConductAnswer',
      'Percentiles',
      'Moment',
      'MomentKind',
      'LinkFault',
      'MachineReport',
      'MachineCall',
      'HistoryAnswer',
      'HistoryEntry',
    ],
  },
]

const EXAMPLES = [
  ['submit.mjs', 'Submit transactions, and check the proof offline'],
  ['audit.mjs', 'Audit a cluster with the manifest alone'],
  ['derive-order.mjs', 'Derive an order from votes'],
] as const

/** The whole page. Throws where a name is exported and stands in no section, or the reverse. */
export function libraryPage(): string {
  const all = exportsOf('index')
  const pure = exportsOf('pure')
  const placed = SECTIONS.flatMap(({ names }) => names)
  const missing = [...all.keys()].filter((name) => !placed.includes(name))
  if (missing.length > 0) throw new Error(`exported, and in no section of scripts/make-library.ts: ${missing.join(', ')}`)
  const gone = placed.filter((name, i) => !all.has(name) || placed.indexOf(name) !== i)
  if (gone.length > 0) throw new Error(`in a section of scripts/make-library.ts, and not exported or there twice: ${gone.join(', ')}`)
  const contents = SECTIONS.map(({ title, names }) => {
    const shown = names.filter((name) => isValue(all.get(name)))
    return `| [${title}](#${anchorOf(title)}) | ${shown.map((name) => `[\`${name}\`](#${anchorOf(name)})`).join(' ')} |`
  })
  const sections = SECTIONS.map(({ title, words, names }) => {
    const entries = names.flatMap((name) => entryOf(all.get(name), !pure.has(name)))
    return [`## ${title}`, words, ...entries].join('\n\n')
  })
  return `${[HEAD, `| topic | exports |\n|---|---|\n${contents.join('\n')}`, '## Examples', ...EXAMPLES.map(exampleOf), PAGE, ...sections].join('\n\n')}\n`
}

const HEAD = `# The library

Made by \`scripts/make-library.ts\` from the docstrings.

\`\`\`sh
npm install musig-paxos
\`\`\`

There are three entries, both ESM with types, for Node 20.19 or later and TypeScript 5.7 or later with \`moduleResolution\` \`bundler\`, \`node16\` or \`nodenext\`:

- \`musig-paxos/pure\`: no Node, no network, no files. Runs in Node and, through any bundler, in a browser. All of it is about 130 kB compressed; to verify
  certificates takes 51 kB of that.
- \`musig-paxos\`: the same, and for Node the client of a cluster and the native signing. Those are marked *Node*.
- \`musig-paxos/machine-compliance\`: tests for a state machine of your own, told of in [its guide](state-machines.md).

Data goes in and out plain: JSON documents, hex text, \`Uint8Array\`. What is refused is a [\`MusigError\`](#musigerror) with a \`code\`.`

const PAGE = `### Verify in a browser

[examples/verify-page](../examples/verify-page) is a page that takes a manifest and a certificate, verifies them where it is opened, and says why. It is built
into one file that loads nothing and sends nothing:

\`\`\`sh
node examples/verify-page/build.mjs verify.html                   # asks for the manifest
node examples/verify-page/build.mjs verify.html manifest.json     # knows this cluster
\`\`\``

function exampleOf([file, title]: (typeof EXAMPLES)[number]): string {
  const code = readFileSync(new URL(`../examples/${file}`, import.meta.url), 'utf8')
  return `### ${title}\n\n[examples/${file}](../examples/${file})\n\n\`\`\`js\n${code.trimEnd()}\n\`\`\``
}

function isValue(exported: Exported | undefined): boolean {
  return exported !== undefined && exported.kind !== 'type' && exported.kind !== 'interface'
}

function entryOf(exported: Exported | undefined, isNode: boolean): string[] {
  if (!exported) return []
  const { name, kind, text, doc, example } = exported
  const level = isValue(exported) ? '###' : '####'
  const shown = kind === 'function' ? text.replace(/^function /, '') : text
  return [
    `${level} ${name}`,
    `${isNode ? '*Node.* ' : ''}${doc}`,
    `\`\`\`ts\n${shown}\n\`\`\``,
    ...(example === undefined ? [] : [`\`\`\`js\n${example}\n\`\`\``]),
  ]
}

function anchorOf(title: string): string {
  return title.toLowerCase().replace(/ /g, '-')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(new URL('../docs/library.md', import.meta.url), libraryPage())
