/**
 * Faults on a cluster, one after the other, as a seed decides: kill -9 of some or all, pauses, partitions, late and lossy links. Which come when hangs on the seed
 * alone. Most of them leave a quorum connected, so that work goes on; after each all is well for a while, so that what it delayed can finish.
 */
import type { SeededRandom } from '../../src/lib/base/prng.js'
import type { LinkChange } from '../../src/lib/cluster/network.js'
import type { OwnCluster } from './own-cluster.js'

type Kind =
  | { type: 'kill' | 'killAll' | 'pause'; signers: number[] }
  /** Those named on one side, all others on the other. */
  | { type: 'partition'; signers: number[] }
  | { type: 'links'; links: (LinkChange & { delayMs: number; loss: number })[] }

type Fault = Kind & {
  /** How long it lasts. */
  holdMs: number
  /** How long all is well before it. */
  quietMs: number
}

/** How often each fault was done. */
export type FaultCounts = Record<Kind['type'], number>

/** The share of faults that leave a quorum connected, where one can be lost at all. */
const WITHIN = 0.85
const FAULTY_LINKS = 4

/** Goes on until `isOver`, and leaves everything running and healed. `told` hears of each fault. */
export async function hurt(
  cluster: OwnCluster,
  n: number,
  crashBound: number,
  random: SeededRandom,
  isOver: () => boolean,
  told: (line: string) => void,
): Promise<FaultCounts> {
  const counts: FaultCounts = { kill: 0, killAll: 0, pause: 0, partition: 0, links: 0 }
  while (!isOver()) {
    const fault = nextFault(n, crashBound, random)
    await until(fault.quietMs, isOver)
    if (isOver()) break
    told(`${textOf(fault)} for ${fault.holdMs} ms`)
    const heal = await begin(cluster, fault)
    if (heal) counts[fault.type]++
    await until(fault.holdMs, isOver)
    await heal?.()
  }
  return counts
}

function nextFault(n: number, crashBound: number, random: SeededRandom): Fault {
  const most = random.fraction() < WITHIN ? Math.max(1, crashBound) : Math.max(1, Math.floor(n / 2))
  const kind = nextKind(n, some(n, 1 + random.upTo(most - 1), random), random)
  return { ...kind, holdMs: 500 + random.upTo(kind.type === 'kill' || kind.type === 'killAll' ? 2_500 : 6_000), quietMs: 1_500 + random.upTo(4_000) }
}

function nextKind(n: number, signers: number[], random: SeededRandom): Kind {
  const draw = random.fraction()
  if (draw < 0.06) return { type: 'killAll', signers: some(n, n, random) }
  if (draw < 0.3 || n === 1) return { type: 'kill', signers }
  if (draw < 0.55) return { type: 'pause', signers }
  if (draw < 0.75) return { type: 'partition', signers }
  const links = Array.from({ length: 1 + random.upTo(FAULTY_LINKS - 1) }, () => {
    const from = signers[random.upTo(signers.length - 1)] ?? 0
    const to = (from + 1 + random.upTo(n - 2)) % n
    return { from, to, delayMs: random.upTo(400), loss: random.upTo(50) / 100, oneWay: random.fraction() < 0.5 }
  })
  return { type: 'links', links }
}

/** So many of n signers, ascending. */
function some(n: number, count: number, random: SeededRandom): number[] {
  const signers = Array.from({ length: n }, (_, i) => i)
  while (signers.length > count) signers.splice(random.upTo(signers.length - 1), 1)
  return signers
}

/** Does it, and gives what ends it; nothing where no process was there to be hit. */
async function begin(cluster: OwnCluster, fault: Kind): Promise<(() => Promise<unknown>) | undefined> {
  if (fault.type === 'partition') {
    await cluster.partition(fault.signers.join())
    return () => cluster.heal()
  }
  if (fault.type === 'links') {
    for (const link of fault.links) await cluster.link(link)
    return () => cluster.heal()
  }
  const pids = await cluster.pids()
  const hit = fault.signers.flatMap((signer) => {
    const pid = pids.get(signer)
    return pid !== undefined && send(pid, fault.type === 'pause' ? 'SIGSTOP' : 'SIGKILL') ? [pid] : []
  })
  if (hit.length === 0) return undefined
  if (fault.type !== 'pause') return () => cluster.up()
  return async () => {
    for (const pid of hit) send(pid, 'SIGCONT')
  }
}

function textOf(fault: Kind): string {
  if (fault.type !== 'links') return `${fault.type} ${fault.signers.join()}`
  return `links ${fault.links.map(({ from, to, delayMs, loss, oneWay }) => `${from}${oneWay ? '→' : '–'}${to} +${delayMs} ms −${Math.round(loss * 100)} %`).join(', ')}`
}

async function until(ms: number, isOver: () => boolean): Promise<void> {
  const deadline = performance.now() + ms
  while (performance.now() < deadline && !isOver()) await new Promise((resolve) => setTimeout(resolve, 50))
}

/** Whether the process was there to hear it. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
