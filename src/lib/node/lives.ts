/**
 * The lives of one signer in a process: one after the other and never two at once, for each holds the same store and port. Owns that order and its end; what
 * a life does is the affair of `running-signer.ts`.
 */

export interface Life {
  stop(): Promise<void>
  /** Instead of a stop, where nothing may be written any more. */
  forget(): void
}

export interface LivesOptions {
  start: (life: { isFirst: boolean; startsOver: () => void }) => Promise<Life>
  /** A life could not be stopped, or the one after it not started. */
  failed: (error: unknown) => void
}

export class Lives {
  /** Ends when the first life has started; fails as its start does. */
  readonly started: Promise<unknown>
  readonly #options: LivesOptions
  /** The life that runs, once it has started; none at the end. */
  #life: Promise<Life | undefined>
  #last: Life | undefined
  #isEnding = false

  constructor(options: LivesOptions) {
    this.#options = options
    this.#life = this.#start(true)
    this.started = this.#life
  }

  async #start(isFirst: boolean): Promise<Life> {
    const life = await this.#options.start({ isFirst, startsOver: () => this.#startOver() })
    this.#last = life
    return life
  }

  /** May be asked for by a life whose start has not ended yet. */
  #startOver(): void {
    if (this.#isEnding) return
    this.#life = this.#life.then(async (life) => {
      await life?.stop()
      return this.#isEnding ? undefined : this.#start(false)
    })
    this.#life.catch(this.#options.failed)
  }

  /** Stops the life that runs or is about to; there is no other after it. */
  async end(): Promise<void> {
    this.#isEnding = true
    const life = await this.#life
    await life?.stop()
  }

  /** Ends without a stop. */
  forget(): void {
    this.#isEnding = true
    this.#last?.forget()
  }
}
