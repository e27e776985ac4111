/** What is asked of a cluster, held against one that stands: what its manifest and ports are cannot be changed any more. What else `cluster up` may change is in `up.ts`. */
import { MusigError } from '../base/errors.js'
import { type Manifest, parseTolerance } from '../core/manifest.js'
import { loadCrypto } from '../node/crypto.js'
import { machineFileName } from '../node/machine-file.js'
import type { ClusterRecord } from './cluster-folder.js'
import { checkSeed } from './create.js'
import type { Wanted } from './up.js'

/** Characters of a machine's name that are shown: of a digest, enough to tell one from another. */
const SHOWN_DIGEST = 'sha256:'.length + 12

/** Errors: `BAD_INPUT` with what is asked for and what stands, where they differ. */
export function checkSame(wanted: Wanted, record: ClusterRecord, manifest: Manifest): void {
  const { a, b } = manifest.tolerance
  const asked = wanted.tolerance === undefined ? undefined : parseTolerance(wanted.tolerance)
  const regions = manifest.signers.map(({ region }) => region)
  const differences: [flag: string, asked: unknown, stands: unknown][] = [
    ['-n', wanted.n, record.n],
    ['--tolerance', asked && (asked.a * b === asked.b * a ? `${a}/${b}` : wanted.tolerance), `${a}/${b}`],
    ['--machine', wanted.machine, manifest.machine],
    ['--tree', wanted.tree, manifest.tree.strategy],
    ['--fanout', wanted.fanout, manifest.tree.fanout],
    ['--delta', wanted.deltaMs, manifest.deltaMs],
    ['--base-port', wanted.basePort, portOf(record.signers[0]?.url ?? '')],
    ['--regions', wanted.regions && regionList(regions.map((_, i) => wanted.regions?.[i % wanted.regions.length] ?? '')), regionList(regions)],
  ]
  const different = differences.find(([, value, stands]) => value !== undefined && value !== stands)
  if (different) {
    const [flag, value, stands] = different
    throw new MusigError(
      'BAD_INPUT',
      `the cluster “${record.name}” stands with ${flag} ${stands}, not ${value}; leave ${flag} out, give another --cluster, or take it away with: musig cluster rm`,
    )
  }
  if (wanted.seed !== undefined) checkSeed(wanted.seed, manifest, loadCrypto())
}

/** Errors: `BAD_INPUT` where the cluster runs another machine than this file. */
export async function checkSameMachine(file: string, { name, machine }: Manifest): Promise<void> {
  const asked = await machineFileName(file)
  if (asked === machine) return
  const shown = (digest: string) => digest.slice(0, SHOWN_DIGEST)
  throw new MusigError(
    'BAD_INPUT',
    `the cluster “${name}” runs another state machine, ${shown(machine)}, than ${file}, ${shown(asked)}; a changed machine is another cluster: give another --cluster, or take this one away with: musig cluster rm`,
  )
}

/** The regions of the signers in their order, where they have any. */
function regionList(regions: readonly string[]): string {
  return regions.every((region) => region === '') ? 'none' : regions.join()
}

/** The port of an address; 0 where it is none. */
export function portOf(url: string): number {
  return URL.canParse(url) ? Number(new URL(url).port) : 0
}
