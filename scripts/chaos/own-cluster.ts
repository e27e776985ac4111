/**
 * A cluster of its own in a temporary home, through the built command line: up, its processes, its network, away. Owns that nothing is left running, also where
 * its user fails or is broken off.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClusterFolder } from '../../src/lib/cluster/cluster-folder.js'
import { pauseMembers } from '../../src/lib/cluster/hurt.js'
import { changeLink, healCluster, type LinkChange, partitionCluster } from '../../src/lib/cluster/network.js'
import { processesOf } from '../../src/lib/cluster/processes.js'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

export class OwnCluster {
  readonly home = mkdtempSync(join(tmpdir(), 'musig-chaos-'))
  readonly cluster = 'default'
  #commands: Promise<unknown> = Promise.resolve()

  get folder(): ClusterFolder {
    return new ClusterFolder(this.home, this.cluster)
  }

  /** Starts what does not run and waits until it is ready. */
  up(args: readonly string[] = []): Promise<void> {
    return this.#musig(['cluster', 'up', ...args])
  }

  /** Ends all processes; everything else stays for the next `up`. */
  down(): Promise<void> {
    return this.#musig(['cluster', 'down'])
  }

  /** Kills a signer's process at once. */
  kill(signer: number): Promise<void> {
    return this.#musig(['cluster', 'kill', String(signer)])
  }

  /** Starts a signer's process again and waits until it is ready. */
  restart(signer: number): Promise<void> {
    return this.#musig(['cluster', 'restart', String(signer)])
  }

  /** Takes a signer out of the cluster. */
  evict(signer: number): Promise<void> {
    return this.#musig(['cluster', 'evict', String(signer)])
  }

  /** Stops a signer's process, or lets it go on. */
  pause(signer: number, isPaused: boolean): Promise<unknown> {
    return this.#inTurn(() => pauseMembers(this.home, this.cluster, [signer], isPaused))
  }

  /** The number of the process of each signer that runs. */
  async pids(): Promise<Map<number, number>> {
    return new Map((await processesOf(this.folder)).map(({ name, pid }) => [Number(name), pid]))
  }

  /** Parts the signers into groups, named as `cluster partition` takes them. */
  partition(groups: string): Promise<unknown> {
    return this.#inTurn(() => partitionCluster(this.home, this.cluster, groups))
  }

  link(change: LinkChange): Promise<unknown> {
    return this.#inTurn(() => changeLink(this.home, this.cluster, change))
  }

  /** Ends partitions and faults of links. */
  heal(): Promise<unknown> {
    return this.#inTurn(() => healCluster(this.home, this.cluster))
  }

  /** Ends all processes; `keep` leaves the files with the logs where they are. */
  async end(keep: boolean): Promise<void> {
    await this.#commands.catch(() => {})
    if (this.folder.isThere()) await this.#musig(['cluster', 'down'])
    if (!keep) rmSync(this.home, { recursive: true, force: true })
  }

  #musig(args: readonly string[]): Promise<void> {
    return this.#inTurn(() => musig(this.home, args))
  }

  /** One command at a time: a later one finds what the one before left. */
  #inTurn<T>(command: () => Promise<T>): Promise<T> {
    const run = this.#commands.catch(() => {}).then(command)
    this.#commands = run
    return run
  }
}

async function musig(home: string, args: readonly string[]): Promise<void> {
  // A group of its own: Ctrl-C is for the script alone, which takes the cluster down.
  const child = spawn(process.execPath, [BIN, ...args, '--json'], {
    env: { ...process.env, MUSIG_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`musig ${args.join(' ')} ended with ${code}: ${said.trim()}`)
}
