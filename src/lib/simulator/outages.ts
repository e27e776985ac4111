/**
 * Carries out what befalls the signers and links of one run (§12): planned crashes, pauses, partitions, jumps of clocks, and what follows from them for everybody
 * else. Owns who is connected with whom. What is planned comes from `faults.ts`; how messages travel is `network.ts`.
 */
import type { SeededRandom } from '../base/prng.js'
import type { ExecutedBatch } from '../core/steppable.js'
import { type Fault, faultText } from './faults.js'
import type { Happening, Host } from './host.js'
import type { Network } from './network.js'
import { endName } from './past.js'
import type { Timeline } from './timeline.js'

export interface OutagesOptions {
  timeline: Timeline
  /** The signers, and from n on the peers. */
  hosts: readonly Host[]
  n: number
  network: Pick<Network<unknown>, 'drop' | 'silence' | 'slow' | 'signal'>
  random: SeededRandom
  /** A fault happened, in words. */
  happened(fault: string): void
  wentDown(signer: number): void
  /** A signer runs (again), with what it has executed by its records. */
  started(signer: number, executed: readonly ExecutedBatch[]): void
}

export class Outages {
  /** Faults that happened, in words. */
  readonly fired: string[] = []
  /** Faults that are still to come or under way. */
  ahead = 0
  readonly #options: OutagesOptions
  /** Pairs between which connections are refused. */
  readonly #cuts = new Set<string>()
  /** Crashes at the k-th record or message. */
  readonly #atRelease = new Map<number, Fault & { type: 'crash' }>()
  /** Records and messages of each signer so far. */
  readonly #released: number[]

  constructor(options: OutagesOptions) {
    this.#options = options
    this.#released = options.hosts.map(() => 0)
  }

  plan(faults: readonly Fault[]): void {
    this.ahead += faults.length
    for (const fault of faults) {
      if (fault.type === 'crash' && fault.atRelease !== null) this.#atRelease.set(fault.signer, fault)
      this.#options.timeline.at(fault.atMs, () => this.#befall(fault))
    }
  }

  /** Whether a message can be sent from one to the other. */
  reaches(from: number, to: number): boolean {
    return this.#options.hosts[to]?.isUp === true && !this.#cuts.has(linkName(from, to))
  }

  /** One more record or message leaves a signer. False where a planned crash comes first. */
  survives(signer: number): boolean {
    const { timeline, hosts } = this.#options
    const released = (this.#released[signer] ?? 0) + 1
    this.#released[signer] = released
    const crash = this.#atRelease.get(signer)
    if (!crash || crash.atRelease === null || released < crash.atRelease || hosts[signer]?.isUp !== true) return true
    this.#atRelease.delete(signer)
    // The rest of the world hears of it once this step is over.
    timeline.at(timeline.now, () => this.#crashed(crash))
    return false
  }

  /** A signer whose log the others do not have goes down, to begin anew at once. */
  startOver(signer: number): void {
    this.#note(`${this.#nameOf(signer)} starts over`)
    this.#options.hosts[signer]?.crash()
    this.#goDown(signer)
    this.#start(signer)
  }

  /** An epoch is over for a signer: it goes on in the next one, and those who wait for its answer go on waiting. */
  nextEpoch(signer: number): void {
    this.#options.hosts[signer]?.crash()
    this.#disconnect(signer)
    this.#start(signer)
  }

  /** A new signer comes. */
  join(signer: number): void {
    this.#note(`signer ${signer} joins`)
    this.#start(signer)
  }

  #befall(fault: Fault): void {
    switch (fault.type) {
      case 'join':
        return this.#join(fault)
      case 'crash':
        return this.#crash(fault)
      case 'cut':
        return this.#cut(fault)
      case 'partition':
        return this.#partition(fault)
      case 'pause':
        return this.#pause(fault)
      case 'jump':
        return this.#jump(fault)
      case 'slow':
        return this.#slow(fault)
    }
  }

  #note(fault: string): void {
    this.fired.push(fault)
    this.#options.happened(fault)
  }

  #begun(fault: Fault): void {
    this.#note(faultText(fault, this.#options.n))
  }

  #over(words: string): void {
    this.ahead--
    this.#note(words)
  }

  #nameOf(end: number): string {
    return endName(end, this.#options.n)
  }

  #join(fault: Fault & { type: 'join' }): void {
    this.#begun(fault)
    this.ahead--
    this.#start(fault.signer)
  }

  #crash(fault: Fault & { type: 'crash' }): void {
    if (fault.atRelease !== null && !this.#atRelease.delete(fault.signer)) return
    this.#options.hosts[fault.signer]?.crash()
    this.#crashed(fault)
  }

  #crashed(fault: Fault & { type: 'crash' }): void {
    const { signer, backAfterMs } = fault
    this.#begun(fault)
    this.#goDown(signer)
    if (backAfterMs === null) this.ahead--
    else
      this.#options.timeline.after(backAfterMs, () => {
        this.#over(`${this.#nameOf(signer)} comes back`)
        this.#start(signer)
      })
  }

  #pause(fault: Fault & { type: 'pause' }): void {
    const host = this.#options.hosts[fault.signer]
    this.#begun(fault)
    host?.pause()
    this.#options.timeline.at(fault.untilMs, () => {
      this.#over(`signer ${fault.signer} goes on again`)
      host?.resume()
    })
  }

  #jump(fault: Fault & { type: 'jump' }): void {
    this.ahead--
    this.#begun(fault)
    this.#options.hosts[fault.signer]?.jump(fault.byMs)
  }

  #cut(fault: Fault & { type: 'cut' }): void {
    const { a, b, untilMs, silent } = fault
    this.#begun(fault)
    this.#options.timeline.at(untilMs, () => {
      this.#over(silent ? `the link from ${a} to ${b} passes again` : `the link between ${a} and ${b} is back`)
      this.#rejoin(a, b, silent)
    })
    this.#part(a, b, silent)
  }

  #partition(fault: Fault & { type: 'partition' }): void {
    const { links, untilMs, silent } = fault
    this.#begun(fault)
    for (const [from, to] of links) this.#part(from, to, silent)
    this.#options.timeline.at(untilMs, () => {
      this.#over('the network is whole again')
      for (const [from, to] of links) this.#rejoin(from, to, silent)
    })
  }

  #slow(fault: Fault & { type: 'slow' }): void {
    const { a, b, extraMs, untilMs } = fault
    const { network, timeline } = this.#options
    this.#begun(fault)
    for (const [from, to] of bothWays(a, b)) network.slow(from, to, extraMs)
    timeline.at(untilMs, () => {
      this.#over(`the link between ${a} and ${b} is as fast as before`)
      for (const [from, to] of bothWays(a, b)) network.slow(from, to, -extraMs)
    })
  }

  /** Silently one way only, and nobody is told; otherwise the connection ends for both. */
  #part(a: number, b: number, silent: boolean): void {
    const { network, hosts } = this.#options
    if (silent) return network.silence(a, b, true)
    this.#cuts.add(linkName(a, b))
    for (const [from, to] of bothWays(a, b)) {
      network.drop(from, to)
      if (hosts[from]?.isUp) this.#tell(from, to, { type: 'disconnected', signer: from })
    }
  }

  #rejoin(a: number, b: number, silent: boolean): void {
    if (silent) return this.#options.network.silence(a, b, false)
    if (this.#cuts.delete(linkName(a, b))) this.#connect(a, b)
  }

  /** Connections end, and what was on its way to a signer is lost; what it had sent may still arrive. */
  #goDown(signer: number): void {
    this.#disconnect(signer)
    this.#options.wentDown(signer)
  }

  #disconnect(signer: number): void {
    const { network, hosts, random } = this.#options
    for (const { index: other } of hosts) {
      if (other === signer || !this.#haveLink(signer, other)) continue
      network.drop(other, signer)
      if (random.upTo(1) === 0) network.drop(signer, other)
      if (!this.#cuts.has(linkName(signer, other))) this.#tell(signer, other, { type: 'disconnected', signer })
    }
  }

  /** Starts a host from its records, and connects it. */
  #start(signer: number): void {
    const { hosts } = this.#options
    this.#options.started(signer, hosts[signer]?.start() ?? [])
    for (const other of hosts) if (other.isUp && other.index !== signer) this.#connect(signer, other.index)
  }

  #connect(a: number, b: number): void {
    if (!this.#haveLink(a, b) || !this.reaches(a, b) || !this.reaches(b, a)) return
    this.#tell(a, b, { type: 'connected', signer: a })
    this.#tell(b, a, { type: 'connected', signer: b })
  }

  /** Peers have no links among themselves. */
  #haveLink(a: number, b: number): boolean {
    return Math.min(a, b) < this.#options.n
  }

  /** Tells `to` about its connection with `from`, after everything that `from` has sent; nobody if it restarts meanwhile. */
  #tell(from: number, to: number, happening: Happening): void {
    const host = this.#options.hosts[to]
    if (!host?.isUp) return
    const { incarnation } = host
    this.#options.network.signal(from, to, () => {
      if (host.incarnation === incarnation) host.deliver(happening)
    })
  }
}

function bothWays(a: number, b: number): [number, number][] {
  return [
    [a, b],
    [b, a],
  ]
}

function linkName(a: number, b: number): string {
  return a < b ? `${a}/${b}` : `${b}/${a}`
}
