/** Gives hostile inputs to every decoder, and holds what comes of them against what is promised: one typed error, the same bytes back, bounded work. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { canonicalJson, type Json } from '../../src/lib/machine/json.js'
import { allDecoders, type Decoder, isNotJson } from './decoders.js'
import { Mutator } from './mutator.js'

/** One of the refusals that a caller may get for bytes: of others, or in a file of its own. */
const REFUSALS = ['BAD_ENCODING', 'BAD_INPUT', 'CHECK_FAILED', 'STORE_FAILED']

/** The processor time that an input may take: coarse, and only if it takes as long again and again. More than linear work takes minutes. */
const LIMIT_MS = 2000
const TRIES = 3

interface Tally {
  inputs: number
  taken: number
  refused: number
}

/** What a fuzz saw. */
export interface Findings {
  tallies: Map<string, Tally>
  inputs: number
  tookMs: number
  /** The dearest of the large inputs. */
  dearest: { name: string; bytes: number; tookMs: number }
}

/** Bytes in use after a collection. */
export function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

/** Runs `inputs` inputs and `giants` large ones of `giantBytes`; `watch` is called now and then. Fails on the first input that is not dealt with as promised. */
export async function fuzz(
  seed: string,
  inputs: number,
  giants: number,
  giantBytes: number,
  watch: (done: number) => void = () => {},
): Promise<Findings> {
  const { decoders, remove } = await allDecoders()
  const random = new SeededRandom(`hostile/${seed}`)
  const all = decoders.map((decoder) => ({ decoder, mutator: new Mutator(decoder.form, decoder.seeds, random) }))
  const tallies = new Map<string, Tally>()
  const dearest = { name: '', bytes: 0, tookMs: 0 }
  const started = performance.now()
  const before = Error.stackTraceLimit
  try {
    for (const { decoder } of all) for (const good of decoder.seeds) await isTaken(decoder, good)
    Error.stackTraceLimit = 0
    const weights = all.reduce((sum, { decoder }) => sum + decoder.weight, 0)
    for (const { decoder, mutator } of all) {
      const tally = { inputs: Math.ceil((inputs * decoder.weight) / weights), taken: 0, refused: 0 }
      tallies.set(decoder.name, tally)
      for (let i = 0; i < tally.inputs; i++) {
        if (await isTaken(decoder, mutator.next())) tally.taken++
        else tally.refused++
        if (i % 10_000 === 9999) watch(i)
      }
      for (let i = 0; i < Math.ceil(giants / all.length); i++) {
        const giant = mutator.giant(giantBytes)
        const tookMs = await cheapest(decoder, giant)
        if (tookMs > dearest.tookMs) Object.assign(dearest, { name: decoder.name, bytes: giant.length, tookMs: Math.round(tookMs) })
        assert.ok(tookMs < LIMIT_MS, `${decoder.name}: ${giant.length} bytes take ${Math.round(tookMs)} ms (seed ${seed}): ${shown(giant)}`)
      }
    }
  } finally {
    Error.stackTraceLimit = before
    remove()
  }
  const count = [...tallies.values()].reduce((sum, tally) => sum + tally.inputs, 0)
  return { tallies, inputs: count, tookMs: performance.now() - started, dearest }
}

/** The milliseconds of processor time that an input takes, the least of some tries if it seems to take long. */
async function cheapest(decoder: Decoder, input: Uint8Array): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let left = TRIES; left > 0 && least > LIMIT_MS / 2; left--) {
    const before = process.cpuUsage()
    await isTaken(decoder, input)
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

/** Whether an input is taken. Fails where it is neither taken nor refused as it should be. */
async function isTaken(decoder: Decoder, input: Uint8Array): Promise<boolean> {
  let again: Uint8Array | undefined
  try {
    again = await decoder.read(input)
  } catch (error) {
    if (isNotJson(error)) return false
    if (!(error instanceof MusigError && REFUSALS.includes(error.code)))
      throw new Error(`${decoder.name}: ${error instanceof Error ? (error.stack ?? error.message) : error}\nfor ${shown(input)}`)
    assert.ok(error.message.length < 1000 && !/\n/.test(error.message), `${decoder.name}: a long refusal, ${error.message.slice(0, 300)}`)
    return false
  }
  if (again) assert.ok(isSame(decoder, input, again), `${decoder.name}: ${shown(input)} came back as ${shown(again)}`)
  return true
}

function isSame({ form }: Decoder, input: Uint8Array, again: Uint8Array): boolean {
  if (Buffer.compare(input, again) === 0) return true
  if (form !== 'json') return false
  const [one, other] = [input, again].map((bytes) => canonicalJson(JSON.parse(Buffer.from(bytes).toString('utf8')) as Json))
  return one === other
}

function shown(bytes: Uint8Array): string {
  const cut = bytes.length > 2000 ? `… (${bytes.length} bytes)` : ''
  return `${Buffer.from(bytes.subarray(0, 2000)).toString('hex')}${cut}`
}
