/** The lives of a signer in its process: one at a time, also where it starts over before its start has ended, and none after the end. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Lives } from '../../src/lib/node/lives.js'

/** Lets everything happen that waits for nothing but its turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A signer whose starts and stops end when told. */
class Script {
  readonly seen: string[] = []
  readonly failures: unknown[] = []
  readonly #waiting = new Map<string, { resolve: () => void; reject: (error: Error) => void }>()
  readonly #startsOver: (() => void)[] = []
  readonly lives = new Lives({
    start: async ({ isFirst, startsOver }) => {
      const number = this.#startsOver.push(startsOver)
      assert.is(isFirst, number === 1)
      await this.#step(`start ${number}`)
      return { stop: () => this.#step(`stop ${number}`), forget: () => this.seen.push(`forget ${number}`) }
    },
    failed: (error) => this.failures.push(error),
  })

  #step(name: string): Promise<void> {
    this.seen.push(name)
    return new Promise((resolve, reject) => this.#waiting.set(name, { resolve, reject }))
  }

  async ends(name: string, error?: Error): Promise<void> {
    const waiting = this.#waiting.get(name)
    if (!waiting) throw new Error(`${name} has not begun; there were ${this.seen.join(', ')}`)
    if (error) waiting.reject(error)
    else waiting.resolve()
    await turn()
  }

  async startsOver(number: number): Promise<void> {
    this.#startsOver[number - 1]?.()
    await turn()
  }
}

test('a life that starts over before its start has ended is stopped once it has, and only then comes the next', async () => {
  const script = new Script()
  await script.startsOver(1)
  assert.equal(script.seen, ['start 1'])
  await script.ends('start 1')
  await script.lives.started
  assert.equal(script.seen, ['start 1', 'stop 1'])
  await script.ends('stop 1')
  assert.equal(script.seen, ['start 1', 'stop 1', 'start 2'])
  await script.startsOver(2)
  await script.ends('start 2')
  assert.equal(script.seen, ['start 1', 'stop 1', 'start 2', 'stop 2'])
  assert.equal(script.failures, [])
})

test('the end comes while a life stops: none comes after it, and it is stopped once', async () => {
  const script = new Script()
  await script.ends('start 1')
  await script.startsOver(1)
  const end = script.lives.end()
  await script.ends('stop 1')
  await end
  assert.equal(script.seen, ['start 1', 'stop 1'])
})

test('the end comes while a life starts: that one is stopped', async () => {
  const script = new Script()
  await script.ends('start 1')
  await script.startsOver(1)
  await script.ends('stop 1')
  const end = script.lives.end()
  await turn()
  await script.ends('start 2')
  await script.startsOver(2)
  await script.ends('stop 2')
  await end
  assert.equal(script.seen, ['start 1', 'stop 1', 'start 2', 'stop 2'])
})

test('a failure of the first start is its caller’s affair, one of a later life is told', async () => {
  for (const step of ['stop 1', 'start 2']) {
    const script = new Script()
    await script.ends('start 1')
    await script.startsOver(1)
    if (step === 'start 2') await script.ends('stop 1')
    const error = new Error(`${step} fails`)
    await script.ends(step, error)
    assert.equal(script.failures, [error])
    script.lives.forget()
    assert.is(script.seen.at(-1), 'forget 1')
  }
  const script = new Script()
  const started = script.lives.started.catch((error: Error) => error.message)
  await script.ends('start 1', new Error('no start'))
  assert.is(await started, 'no start')
  assert.equal(script.failures, [])
})

test.run()
