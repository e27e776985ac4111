/** Faults on the processes of a cluster, one after the other, as a seed decides: kill -9 of some or all, pauses, restarts. Which come when hangs on the seed alone. */
import type { SeededRandom } from '../../src/lib/base/prng.js'
import type { OwnCluster } from './own-cluster.js'

/** How often each fault was done. */
export interface FaultCounts {
  kill: number
  killAll: number
  pause: number
}

interface Fault {
  type: keyof FaultCounts
  signers: number[]
  /** How long it lasts. */
  holdMs: number
  /** How long all is well before it. */
  quietMs: number
}

/** Goes on until `isOver`, and leaves everything running. `told` hears of each fault. */
export async function hurt(
  cluster: OwnCluster,
  n: number,
  crashBound: number,
  random: SeededRandom,
  isOver: () => boolean,
  told: (line: string) => void,
): Promise<FaultCounts> {
  const counts: FaultCounts = { kill: 0, killAll: 0, pause: 0 }
  while (!isOver()) {
    const fault = nextFault(n, crashBound, random)
    await until(fault.quietMs, isOver)
    if (isOver()) break
    const pids = await cluster.pids()
    const hit = fault.signers.flatMap((signer) => {
      const pid = pids.get(signer)
      return pid !== undefined && send(pid, fault.type === 'pause' ? 'SIGSTOP' : 'SIGKILL') ? [pid] : []
    })
    if (hit.length > 0) counts[fault.type]++
    told(`${fault.type} ${fault.signers.join()} for ${fault.holdMs} ms`)
    await until(fault.holdMs, isOver)
    if (fault.type === 'pause') for (const pid of hit) send(pid, 'SIGCONT')
    else await cluster.up()
  }
  return counts
}

/** Mostly within the bound of crashes, sometimes past it: then nothing commits, and nothing may be lost. */
function nextFault(n: number, crashBound: number, random: SeededRandom): Fault {
  const draw = random.fraction()
  const type = draw < 0.15 ? 'killAll' : draw < 0.6 ? 'kill' : 'pause'
  const most = random.fraction() < 0.7 ? Math.max(1, crashBound) : Math.max(1, Math.floor(n / 2))
  const count = type === 'killAll' ? n : 1 + random.upTo(most - 1)
  const signers = Array.from({ length: n }, (_, i) => i)
  while (signers.length > count) signers.splice(random.upTo(signers.length - 1), 1)
  return { type, signers, holdMs: 300 + random.upTo(type === 'pause' ? 6_000 : 2_500), quietMs: 300 + random.upTo(2_500) }
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
