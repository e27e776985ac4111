/**
 * Data to draw from runs of the simulator: batches that fight for one key among many signers, as the signers themselves describe them. Shared by the tests
 * and by `scripts/draw-samples.ts`.
 */
import { describeBatch, neighboursOf } from '../../src/lib/core/describe.js'
import type { Manifest } from '../../src/lib/core/manifest.js'
import { Moments, phase3MsOf } from '../../src/lib/core/moments.js'
import { Signer } from '../../src/lib/core/signer.js'
import type { OrderData, SignatureData, TimelineData, TreeData } from '../../src/lib/inspect/data.js'
import { type DescribedBatch, orderDataOf, signatureDataOf, treeDataOf } from '../../src/lib/inspect/group.js'
import { type Told, timelineOf } from '../../src/lib/inspect/timeline.js'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'

/** Everything that is drawn of one run. */
export interface SimulatedRun {
  readonly order: OrderData
  readonly tree: TreeData
  readonly signatures: SignatureData[]
  readonly timeline: TimelineData
}

/** One signer of a run with what it noted, in the time of the run. */
interface Noted {
  signer: Signer
  moments: Moments
  offsetMs: number
}

/** A run in which `txs` transactions fight for one key; drawn is the batch in the middle of the largest component. Errors: a run in which nothing was committed. */
export function simulatedRun(n: number, txs: number, more: Partial<Scenario> = {}): SimulatedRun {
  const noted: Noted[] = []
  const manifest = run(n, txs, more, noted)
  const { journal } = noted[0]?.signer ?? {}
  const first = journal?.logs.executed.map((id) => journal.get(id)).find((known) => known?.committed?.certificate.type === 'slow')
  const known = first ?? journal?.get(journal.logs.executed[0] ?? '')
  if (!journal || !known) throw new Error('nothing was committed in this run')
  const { id, initiator } = known.batch
  const root = noted[initiator]
  if (!root) throw new Error(`there is no signer ${initiator}`)
  const group = neighboursOf(root.signer.journal, known, 40)
  const batches = group.flatMap((batchId): DescribedBatch[] => {
    const one = root.signer.journal.get(batchId)
    if (!one) return []
    const described = describeBatch(manifest, root.signer.journal, one, root.signer.rounds.get(batchId), group)
    return [{ ...described, phase3Ms: phase3MsOf(noted[one.batch.initiator]?.moments.of(batchId)) }]
  })
  const described = describeBatch(manifest, root.signer.journal, known, root.signer.rounds.get(id))
  const told = noted.map(({ moments, offsetMs }): Told => {
    const times = moments.of(id)?.map((moment) => ({ ...moment, at: moment.at - offsetMs }))
    return { status: 'executed', moments: times ?? null }
  })
  const timeline = timelineOf(manifest, id, initiator, told)
  const signatures = (['vote', 'accept'] as const).flatMap((phase) => {
    const data = signatureDataOf(described, phase, manifest)
    return data ? [{ ...data, valid: true }] : []
  })
  return { order: orderDataOf(batches, manifest), tree: treeDataOf(described, manifest, timeline), signatures, timeline }
}

function run(n: number, txs: number, more: Partial<Scenario>, noted: Noted[]): Manifest {
  let manifest: Manifest | undefined
  const scenario = { ...CALM, n, txs, windowMs: 12, contention: 1, hotKeys: 1, seed: 3, regions: 3, regionMs: 20, ...more }
  simulate(scenario, {
    countBytes: false,
    make: (options) => {
      const one: Noted = { signer: new Signer(options), moments: new Moments(), offsetMs: 0 }
      noted[options.self] = one
      manifest = options.manifest
      return {
        get wakeAt() {
          return one.signer.wakeAt
        },
        restore: (records) => one.signer.restore(records),
        step: (event) => {
          if (event.type === 'start') one.offsetMs = event.now
          const effects = one.signer.step(event)
          one.moments.stepped(event, effects)
          return effects
        },
      }
    },
  })
  if (!manifest) throw new Error('a run without signers')
  return manifest
}
